import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/** A fix as it was sent; `at` is its capture in epoch ms, null when the server is to take the receipt for it (F2). */
export interface SentFix {
  readonly lat: number;
  readonly lng: number;
  readonly at: number | null;
  readonly speed?: number | null | undefined;
  readonly bearing?: number | null | undefined;
  readonly accuracy?: number | null | undefined;
  readonly altitude?: number | null | undefined;
}

interface Line {
  /** who wrote it, and its place in that producer's order of doing things: together unique */
  readonly producer: string;
  readonly n: number;
}

/** One try to send one fix, written before it is sent; sending it again is another attempt. */
export interface Attempt extends Line {
  readonly type: 'attempt';
  readonly driver: string;
  readonly fix: SentFix;
  /** both or neither: a numbered fix (F9); a stream belongs to one producer */
  readonly stream?: string | undefined;
  readonly seq?: number | undefined;
  /** A3, as sent with it */
  readonly base?: number | undefined;
}

/** `ack`, and `opened` as well: the watermarks of one stream (A2, A4). */
export interface WatermarkAck extends Line {
  readonly type: 'watermark';
  readonly driver: string;
  readonly stream: string;
  readonly accepted: number;
  readonly stored: number;
  readonly rejected?: readonly { readonly seq: number; readonly code: string }[] | undefined;
}

/** An `error` that names a number: it was refused. */
export interface RefusalAck extends Line {
  readonly type: 'refusal';
  readonly driver: string;
  readonly stream: string;
  readonly seq: number;
  readonly code: string;
}

/** A REST answer, or a callback with `stored: true`: what it does not reject is stored. `attempts` holds the `n` of what was sent, in its order. */
export interface ReceiptAck extends Line {
  readonly type: 'receipt';
  readonly attempts: readonly number[];
  readonly rejected?: readonly { readonly index: number; readonly code: string }[] | undefined;
}

export type Ack = WatermarkAck | RefusalAck | ReceiptAck;

type Unnumbered<T extends Line> = T extends Line ? Omit<T, 'producer' | 'n'> : never;

/** A producer's own file, outside the server: every line is with the operating system when the call returns. */
export interface Journal {
  /** Call before sending; answers the `n` that a receipt will name. */
  attempt(attempt: Omit<Attempt, 'producer' | 'n' | 'type'>): number;
  /** Call as soon as the acknowledgement was read. */
  ack(ack: Unnumbered<Ack>): void;
  /** Again is safe. */
  close(): void;
}

/** Opens a journal to append to. `producer` must not have written to any journal that is read together with this one. */
export function openJournal(path: string, producer: string): Journal {
  const file = openSync(path, 'a');
  let n = 0;
  let open = true;
  const write = (entry: object): number => {
    n += 1;
    const bytes = Buffer.from(`${JSON.stringify({ producer, n, ...entry })}\n`);
    let done = 0;
    while (done < bytes.length) done += writeSync(file, bytes, done);
    return n;
  };
  return {
    attempt: (attempt) => write({ type: 'attempt', ...attempt }),
    ack: (ack) => {
      write(ack);
    },
    close: () => {
      if (open) closeSync(file);
      open = false;
    },
  };
}

/** All of some journals, each in its order. A torn last line, of a producer that was killed, is passed over. */
export function readJournals(paths: readonly string[]): { attempts: Attempt[]; acks: Ack[] } {
  const attempts: Attempt[] = [];
  const acks: Ack[] = [];
  for (const path of paths) {
    const lines = readFileSync(path, 'utf8').split('\n');
    lines.pop();
    for (const line of lines) {
      const entry = JSON.parse(line) as Attempt | Ack;
      if (entry.type === 'attempt') attempts.push(entry);
      else acks.push(entry);
    }
  }
  return { attempts, acks };
}
