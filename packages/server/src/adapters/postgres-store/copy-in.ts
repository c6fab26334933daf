import pg, { type ClientBase, type Connection } from 'pg';
import { settling } from './ask-large.ts';

/**
 * Adds lines to a table by COPY, among statements that are sent without waiting for one another: the lines follow the
 * statement at once, before the server has asked for them. Should it refuse the statement it passes over them.
 */
export async function copyIn(client: ClientBase, statement: string, lines: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  client.query(new CopyIn(statement, lines, settling(resolve, reject)));
  await promise;
}

class CopyIn extends pg.Query {
  readonly #statement: string;
  #lines: string;

  constructor(statement: string, lines: string, done: (error: Error | undefined, result: unknown) => void) {
    super(statement, undefined, done);
    this.#statement = statement;
    this.#lines = lines;
  }

  override submit = (connection: Connection): void => {
    connection.stream.cork();
    connection.query(this.#statement);
    connection.stream.write(message('d', Buffer.from(this.#lines)));
    connection.stream.write(message('c', Buffer.alloc(0)));
    connection.stream.uncork();
    // See ask-large.ts.
    this.#lines = '';
  };

  /** By now they are on their way. */
  handleCopyInResponse(): void {}
}

/** As the protocol frames it: a letter, the length with itself, the content. */
function message(type: 'd' | 'c', content: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(5 + content.length);
  framed.write(type, 'latin1');
  framed.writeInt32BE(4 + content.length, 1);
  content.copy(framed, 5);
  return framed;
}
