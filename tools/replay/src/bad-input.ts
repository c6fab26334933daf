/** Something in a file that cannot be read as it is, with where it stands. */
export class BadInput extends Error {
  readonly file: string;
  /** counts from 1 */
  readonly line: number;
  readonly reason: string;

  constructor(file: string, line: number, reason: string) {
    super(`${file}:${line}: ${reason}`);
    this.name = 'BadInput';
    this.file = file;
    this.line = line;
    this.reason = reason;
  }
}

/** Takes a bad row and lets the rest go on; without one the first bad row ends the reading. */
export type OnBad = (problem: BadInput) => void;
