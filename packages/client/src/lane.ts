import type { AckMessage, ErrorMessage, OpenedMessage } from '@waycast/protocol';
import type { ClientError } from './client-error.ts';

/** What a stream client owes a publisher that uses its connection. */
export interface Lane {
  /** the name of the numbering; answers are told apart by it */
  readonly stream: string;
  /** whose fixes; undefined: the token's subject */
  readonly driver: string | undefined;
  /** a connection is open and authenticated: announce the stream */
  up(): void;
  /** the connection is gone; another one may come */
  down(): void;
  /** no connection will come any more */
  ended(error: ClientError): void;
  opened(message: OpenedMessage): void;
  acknowledged(message: AckMessage): void;
  refused(message: ErrorMessage): void;
}
