/** A page that is a worker: what it needs is in its form or its address, `?broker=ws://...&run=...&name=...`. */
import { openDevice } from 'fewbits';
import { describeRun, joinRun, mqttBroker } from 'fewbits/mqtt';

import { openDigits } from '../mnist/digits.ts';
import { fetchDigits } from '../shared/fetch-digits.ts';

const form = document.querySelector('form') as HTMLFormElement;
const state = document.querySelector('#state') as HTMLElement;
const say = (text: string): void => void (state.textContent = text);

async function join(url: string, run: string, name: string): Promise<void> {
  const broker = mqttBroker({ url });
  say('Asking what the run is ...');
  const { about } = await describeRun(broker, run);
  const {
    task: told,
    algorithm,
    localSteps,
    seed = 1,
  } = about as {
    task?: string;
    algorithm?: string;
    localSteps?: number;
    seed?: number;
  };
  if (told !== 'mnist') throw new Error(`this page knows the task mnist alone, the run has ${told}`);
  say('Loading the digits ...');
  const task = await openDigits({ algorithm, localSteps, seed, role: 'worker' }, fetchDigits);
  const device = await openDevice();
  const worker = await joinRun({
    broker,
    run,
    ...(name !== '' && { name }),
    device,
    system: task.system,
    model: task.model,
    gradient: (model, at) => task.gradient(model, at),
    onNote: say,
    onStep: ({ step, rank, used, traffic }) =>
      say(
        `Step ${step + 1}, rank ${rank}, ${used > 0 ? 'in time' : 'late'}: ` +
          `${(traffic.bytesUp / 1e6).toFixed(2)} MB out, ${(traffic.bytesDown / 1e6).toFixed(2)} MB in`,
      ),
  });
  say('Waiting for the run to go on ...');
  addEventListener('pagehide', () => void worker.stop());
  const { steps } = await worker.done;
  device.close();
  say(`The run has ended: ${steps} steps.`);
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const data = new FormData(form);
  const text = (field: string): string => {
    const value = data.get(field);
    return typeof value === 'string' ? value : '';
  };
  join(text('broker'), text('run'), text('name')).catch((error: unknown) => say(String(error)));
});

const given = new URLSearchParams(location.search);
for (const [name, value] of given) {
  const field = form.elements.namedItem(name);
  if (field instanceof HTMLInputElement) field.value = value;
}
if (given.has('broker')) form.requestSubmit();
