/** Members that come, go, miss answers and are behind: what counts, what is put back, what is refused by name. */
import * as assert from 'uvu/assert';
import type { Client } from '../../ts/federated/index.ts';
import { float32, NonFiniteError, StartError } from '../../ts/index.ts';
import { rejects } from '../support/host.ts';
import { suite } from '../support/suite.ts';
import { errorOf, initial, joined, N, openClient, openServer, trained } from './party.ts';

const test = suite('members of federated rounds');

test('a newcomer gets the model and its digest, and takes part at once', async () => {
  const to = openServer();
  const first = await joined(to, 'first');
  for (let round = 0; round < 3; round++) {
    await to.take('first', await first.update(trained(first, round)));
    await first.apply(await to.close());
  }
  const late = await joined(to, 'late');
  assert.equal(late.model, first.model);
  assert.equal(late.at, to.at);
  assert.is(late.at?.round, 3);
  await to.take('late', await late.update(trained(late, 3)));
  const answer = await to.close();
  assert.is((await late.apply(answer)).used, true);
  assert.is((await first.apply(answer)).used, false);
  assert.equal(late.model, first.model);
});

test('a member that leaves takes its contribution along; one that comes back is new', async () => {
  const [to, without] = [openServer(), openServer()];
  const [a, b] = [await joined(to, 'a'), await joined(to, 'b')];
  await without.join('b');
  const bytes = await b.update(trained(b, 0));
  await to.take('a', await a.update(trained(a, 0)));
  await to.take('b', bytes);
  await without.take('b', bytes);
  assert.equal(to.contributions, ['a', 'b']);
  await to.leave('a');
  await to.leave('nobody');
  assert.equal(to.contributions, ['b']);
  assert.equal(to.members, ['b']);
  await rejects(to.take('a', bytes), RangeError, '"id" expected a member\'s, got "a"');
  assert.equal(await to.close(), await without.close());
  await a.start(await to.join('a', a.hello()));
  assert.equal(to.members, ['a', 'b']);
  assert.equal(a.model, to.model);
});

test('who missed the answer learns from the welcome whether it counted', async () => {
  for (const counted of [true, false]) {
    const [to, twin] = [openServer(), openServer()];
    const members = [await joined(to, 'a'), await joined(twin, 'a')];
    const others = [await joined(to, 'b'), await joined(twin, 'b')];
    const answers: Uint8Array[] = [];
    for (const [i, server] of [to, twin].entries()) {
      await server.take('a', await members[i].update(trained(members[i], 0)));
      await server.take('b', await others[i].update(trained(others[i], 0)));
      answers.push(await server.close(counted ? {} : { from: ['b'] }));
    }
    // one hears the answer, the other is away, and joins again
    await members[1].apply(answers[1]);
    await members[0].start(await to.join('a', members[0].hello()));
    assert.equal(await members[0].save(), await members[1].save());
    const [one, two] = [await errorOf(members[0]), await errorOf(members[1])];
    assert.equal(one, two);
    const next = await Promise.all(members.map((member) => member.update(trained(member, 1))));
    assert.equal(next[0], next[1]);
  }
});

test('to join again in the middle of a round leaves a contribution to it as it is', async () => {
  const to = openServer();
  const member = await joined(to, 'a');
  await to.take('a', await member.update(trained(member, 0)));
  await member.start(await to.join('a', member.hello()));
  assert.equal(to.contributions, ['a']);
  assert.is((await member.apply(await to.close())).used, true);
});

test('another contribution of a round takes the place of the first; a refused one does not', async () => {
  const [to, twin] = [openServer(), openServer()];
  const [one, two] = [await joined(to, 'a'), await joined(twin, 'a')];
  await to.take('a', await one.update(trained(one, 7)));
  const bad = trained(one, 0).fill(NaN, 5, 6);
  const state = await one.save();
  await rejects(one.update(bad), Error, 'NaN');
  assert.equal(await one.save(), state);
  const second = await one.update(trained(one, 0), { weight: 3 });
  await to.take('a', second);
  await twin.take('a', await two.update(trained(two, 0), { weight: 3 }));
  const answers = [await to.close(), await twin.close()];
  assert.equal(answers[0], answers[1]);
  await one.apply(answers[0]);
  await two.apply(answers[1]);
  assert.equal(await errorOf(one), await errorOf(two));
});

test('a delta against another start is refused by name, at both ends, and changes nothing', async () => {
  const to = openServer();
  const [a, b] = [await joined(to, 'a'), await joined(to, 'b')];
  const late = await a.update(trained(a, 0));
  await to.take('b', await b.update(trained(b, 0)));
  const before = to.at;
  const answer = await to.close();
  await b.apply(answer);
  const refused = await rejects(
    to.take('a', late),
    StartError,
    `the update of "a" is against start ${before.digest}`,
  );
  assert.equal(refused.came, before);
  assert.equal(refused.expected, to.at);
  assert.is(refused.code, 'FEWBITS_START');
  assert.equal(to.contributions, []);
  // an answer twice, and one from a server of another model
  const state = await b.save();
  await rejects(b.apply(answer), StartError, 'the answer is against start');
  const other = openServer({ model: new Float32Array(N) });
  const stranger = await joined(other, 'a');
  await other.take('a', await stranger.update(trained(stranger, 0)));
  await rejects(a.apply(await other.close()), StartError);
  // one of the same model in another round
  const [still, elsewhere] = [openServer(), openClient('a')];
  await still.join('a');
  await elsewhere.start(initial, { round: 5 });
  await rejects(
    still.take('a', await elsewhere.update(trained(elsewhere, 0))),
    StartError,
    'of round 5; here round 0',
  );
  assert.equal(await b.save(), state);
  // what was refused is put back
  await a.start(await to.join('a'));
  assert.ok((await errorOf(a)).some((value) => value !== 0));
});

test('a model in memory starts a round too, and says whether what is under way counted', async () => {
  for (const used of [true, false]) {
    const to = openServer();
    const [member, told] = [openClient('a'), await joined(to, 'a')];
    await member.start(initial);
    assert.equal(member.at, told.at);
    const bytes = await member.update(trained(member, 0));
    assert.equal(bytes, await told.update(trained(told, 0)));
    await to.take('a', bytes);
    await to.join('b');
    const b = await joined(to, 'b');
    await to.take('b', await b.update(trained(b, 0)));
    await told.apply(await to.close(used ? {} : { from: ['b'] }));
    await member.start(to.model, { round: 1, used });
    assert.equal(await member.save(), await told.save());
  }
});

test('an update that is refused late, for its sum with the error, leaves the one under way as it was', async () => {
  const options = { up: float32(), down: float32() };
  const to = openServer(options);
  const [a, b] = [await joined(to, 'a', options), await joined(to, 'b', options)];
  const far = (member: Client): Float32Array => (member.model as Float32Array).map((value) => value - 3e38);
  await to.take('a', await a.update(far(a)));
  await to.take('b', await b.update(trained(b, 0)));
  const answer = await to.close({ from: ['b'] });
  await Promise.all([a.apply(answer), b.apply(answer)]);
  await a.update(trained(a, 1));
  const state = await a.save();
  await rejects(a.update(far(a)), NonFiniteError, 'the error');
  assert.equal(await a.save(), state);
});

test.run();
