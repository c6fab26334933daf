import { FixesMessage, validator } from '@waycast/protocol';
import type { SentFix } from '../../hub/ingest.ts';

const item = validator(FixesMessage.properties.fixes.items);

export interface RefusedFix {
  readonly seq: number | null;
  readonly field: string;
  readonly text: string;
}

/** The fixes of a backlog message, each by itself: those that fit, and what is wrong with the others. */
export function readFixes(fixes: readonly unknown[]): { sent: SentFix[]; refused: RefusedFix[] } {
  const sent: SentFix[] = [];
  const refused: RefusedFix[] = [];
  fixes.forEach((one, index) => {
    if (item.check(one)) {
      const { seq, ...input } = one;
      sent.push({ seq: seq ?? null, input });
      return;
    }
    const { field, message } = item.failure(one);
    const seq = one !== null && typeof one === 'object' ? (one as { seq?: unknown }).seq : undefined;
    const place = `/fixes/${index}${field}`;
    refused.push({
      seq: typeof seq === 'number' && Number.isSafeInteger(seq) && seq > 0 ? seq : null,
      field: place,
      text: `${place} ${message}`,
    });
  });
  return { sent, refused };
}
