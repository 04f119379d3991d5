/** "Verify this browser": whether all of its backends give the same bytes, as a report to copy. */
import { renderReport } from '../../../ts/verify/report.ts';
import { by, sentence } from '../elements.ts';
import { openForm } from './form.ts';

export function openVerify(): void {
  const report = by('verify-report');
  openForm({
    name: 'verify',
    done: 'compared',
    cancelled: 'Stopped.',
    work: (calls, field) => calls.verify(field('amount') === 'quick'),
    show(found) {
      report.textContent = renderReport(found);
      by('verify-result').hidden = false;
      return sentence(found.sentence);
    },
    text: () => report.textContent,
  });
}
