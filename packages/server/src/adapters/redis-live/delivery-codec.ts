import type { LocationPublished, Published } from '../../core/effects.ts';
import type { Plan } from '../../core/eta.ts';
import type { Fix } from '../../core/fix.ts';
import type { Delivery } from '../../hub/delivery.ts';

const plans = new WeakMap<Plan, string>();
let lastFix: Fix | undefined;
let lastFixText = '';
let lastOne: Delivery | undefined;
let lastText = '';

/**
 * A delivery as JSON. Positions are nearly all there is: one goes to the ring and to several processes, its fix into
 * several feeds, and a plan is the same from fix to fix; each is written once.
 */
export function encodeDelivery(delivery: Delivery): string {
  if (delivery === lastOne) return lastText;
  const text = delivery.type === 'location' ? locationText(delivery) : JSON.stringify(delivery);
  lastOne = delivery;
  lastText = text;
  return text;
}

function locationText({ feed, epoch, seq, driverId, fix, plan, now }: LocationPublished): string {
  if (fix !== lastFix) {
    lastFix = fix;
    lastFixText = JSON.stringify(fix);
  }
  const names = `"feed":${JSON.stringify(feed)},"epoch":${JSON.stringify(epoch)},"seq":${seq},"driverId":${JSON.stringify(driverId)}`;
  return `{"type":"location",${names},"fix":${lastFixText},"plan":${planText(plan)},"now":${now}}`;
}

function planText(plan: Plan | null): string {
  if (plan === null) return 'null';
  let text = plans.get(plan);
  if (text === undefined) {
    text = JSON.stringify(plan);
    plans.set(plan, text);
  }
  return text;
}

/** Many in one message. */
export function encodeMany(texts: readonly string[]): string {
  return `[${texts.join(',')}]`;
}

export function decodeMany(text: string): readonly Delivery[] {
  return JSON.parse(text) as Delivery[];
}

/** One message of a ring. */
export function decodePublished(text: string): Published {
  return JSON.parse(text) as Published;
}
