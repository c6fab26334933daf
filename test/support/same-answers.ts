import { expect } from 'vitest';

type Answers = AsyncGenerator<[asked: string, answer: string]>;

/** Asks two servers the same, side by side, and holds no more than one answer of each. Resolves how many it compared. */
export async function sameAnswers(one: Answers, other: Answers): Promise<number> {
  for (let compared = 0; ; compared++) {
    const [was, is] = await Promise.all([one.next(), other.next()]);
    expect(is).toEqual(was);
    if (was.done === true) return compared;
  }
}
