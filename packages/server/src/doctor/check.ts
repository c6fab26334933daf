export type Verdict = 'ok' | 'warning' | 'failed' | 'not applicable';

/** What was looked at, and how it is. */
export interface Check {
  readonly group: string;
  readonly name: string;
  readonly verdict: Verdict;
  readonly message: string;
  /** What to do; null where there is nothing to do. */
  readonly remedy: string | null;
}

/** What a check found, before anybody says which check it was. */
export type Finding = Omit<Check, 'group' | 'name'>;

export const ok = (message: string): Finding => ({ verdict: 'ok', message, remedy: null });
export const warning = (message: string, remedy: string): Finding => ({ verdict: 'warning', message, remedy });
export const failed = (message: string, remedy: string): Finding => ({ verdict: 'failed', message, remedy });
/** There is nothing to check, or no way to. */
export const notApplicable = (message: string, remedy: string | null = null): Finding => ({ verdict: 'not applicable', message, remedy });

/** One line of the kind `what is wrong: what to do`, or with a semicolon, as a start that is refused says it. */
export function refused(line: string): Finding {
  const start = /^[A-Z_]+: /.exec(line)?.[0].length ?? 0;
  let depth = 0;
  for (let i = start; i < line.length; i++) {
    if (line[i] === '(') depth++;
    else if (line[i] === ')') depth--;
    else if (depth === 0 && /^[:;] /.test(line.slice(i, i + 2))) return failed(line.slice(0, i), line.slice(i + 2));
  }
  return failed(line, 'see what it says');
}

/** Something that will not be waited for any longer. */
const LATE = Symbol('late');

/** What a check finds; one that throws or does not end in time has failed [C4]. */
export async function check(group: string, name: string, withinMs: number, look: () => Promise<Finding> | Finding): Promise<Check> {
  const { promise: late, resolve } = Promise.withResolvers<typeof LATE>();
  const timer = setTimeout(() => resolve(LATE), withinMs);
  // Not only what is thrown at once, and also what is thrown when nobody waits for it any more.
  const found = (async () => look())().catch((error: unknown) => unanswered(error));
  const finding = await Promise.race([found, late]);
  clearTimeout(timer);
  if (finding !== LATE) return { group, name, ...finding };
  return { group, name, ...failed(`no answer within ${withinMs / 1_000} s`, 'see whether what it asks hangs, or is under too much load') };
}

function unanswered(error: unknown): Finding {
  const said = (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ').trim();
  return failed(`it could not be found out (${said})`, 'see what it says, and run doctor again');
}
