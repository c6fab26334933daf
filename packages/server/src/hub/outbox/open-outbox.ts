import { randomBytes } from 'node:crypto';
import type { Clock } from '../ports.ts';
import { putBuiltIn, type Services } from './built-in.ts';
import { Dispatcher, type DispatcherParts } from './dispatcher.ts';
import { type Outgoing, type OutgoingParts, outgoing } from './outgoing.ts';
import type { Outbox, Sender } from './ports.ts';
import { Webhooks } from './webhooks.ts';

export interface OpenOutbox {
  /** For the hub: makes messages, and wakes the dispatcher when they are stored. */
  readonly outgoing: Outgoing;
  readonly webhooks: Webhooks;
  readonly dispatcher: Dispatcher;
}

/** Puts the way out together. Nothing is sent before `dispatcher.start`. */
export async function openOutbox(
  parts: {
    readonly outbox: Outbox;
    readonly sender: Sender;
    readonly clock: Clock;
    readonly services: Services;
  } & Pick<DispatcherParts, 'attempted' | 'warn' | 'info'> &
    Pick<OutgoingParts, 'publicUrl' | 'show'>,
): Promise<OpenOutbox> {
  const { outbox, sender, clock, services, attempted, warn, info, publicUrl, show } = parts;
  await putBuiltIn(outbox, services, clock.now());
  const holder = randomBytes(8).toString('hex');
  const dispatcher = new Dispatcher({ outbox, sender, clock, chance: Math.random, holder, attempted, warn, info });
  return {
    outgoing: outgoing({ clock, publicUrl, show, stored: () => dispatcher.wake() }),
    webhooks: new Webhooks({ outbox, dispatcher, sender, clock }),
    dispatcher,
  };
}
