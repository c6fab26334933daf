import { type Finding, failed, ok, warning } from './check.ts';

/** A schema against the program's [P13]; a start brings an older one on, doctor never does. */
export function schemaFinding(found: number, known: number): Finding {
  if (found === known) return ok(`version ${found}, as this program has it`);
  if (found < known) return ok(`version ${found}; the next start brings it to ${known}`);
  return failed(`version ${found}, and this program knows up to ${known}`, 'start a newer Waycast on it');
}

/** Commands that were given up on [P6]. @param last epoch ms of the last one, null where nobody asked */
export function setAsideFinding(count: number, last: number | null, program: string): Finding {
  if (count === 0) return ok('none');
  const when = last === null ? '' : `, the last at ${new Date(last).toISOString()}`;
  return warning(
    `${count} commands that could not be applied or stored${when}`,
    `look at them, then delete their rows: ${program} 'SELECT * FROM set_aside ORDER BY at'`,
  );
}
