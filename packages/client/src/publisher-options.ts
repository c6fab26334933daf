import type { ErrorCode } from '@waycast/protocol';
import type { ClientError } from './client-error.ts';

/** A fix the server refused for good; `fix` is what was sent, while it is still known. */
export interface Rejection {
  seq: number;
  code: ErrorCode;
  message: string | undefined;
  fix: PublishedFix | undefined;
}

/** A fix the server stored but does not believe: too far ahead of its clock, or too far and too fast. */
export interface Suspicion {
  seq: number;
  reason: 'ahead' | 'teleport';
  fix: PublishedFix | undefined;
}

/** As it went over the wire; `timestamp` in epoch ms. */
export interface PublishedFix {
  lat: number;
  lng: number;
  timestamp: number;
  speed?: number;
  bearing?: number;
  accuracy?: number;
  altitude?: number;
}

export interface PublisherOptions {
  /** whose fixes; needed with a `service` token, else the token's subject */
  driver?: string | undefined;
  /** the name of this numbering, random by default; never one that was used before */
  stream?: string | undefined;
  /** fixes held while the server is away or slow; then the oldest is dropped (50,000) */
  capacity?: number | undefined;
  /** sent fixes without an acknowledgement (1,000) */
  window?: number | undefined;
  /** fixes in one backlog message (100) */
  batch?: number | undefined;
  /** single live fixes: s between them sustained (1; 0: no limit), and how many at once (5). What is above goes in batches. */
  live?: { interval?: number | undefined; burst?: number | undefined } | undefined;
  /** batched fixes: a second sustained (200; 0: no limit), and at once (1,500) */
  backlog?: { rate?: number | undefined; burst?: number | undefined } | undefined;
  /** for tests of the server: every message with fixes goes out so many times (1) */
  copies?: number | undefined;
  onRejected?: ((rejection: Rejection) => void) | undefined;
  onSuspect?: ((suspicion: Suspicion) => void) | undefined;
  /** the queue was full: so many were dropped in all */
  onDropped?: ((dropped: number) => void) | undefined;
  /** so many are durable or refused for good by now */
  onStored?: ((stored: number) => void) | undefined;
  /** the stream was refused, or something else went wrong that is not about one fix */
  onError?: ((error: ClientError) => void) | undefined;
}
