import type { Consumer, Outbox } from './ports.ts';

export interface Services {
  /** Unset: what they want to hear waits [W4]. */
  readonly notificationServiceUrl: string | undefined;
  readonly orderServiceUrl: string | undefined;
}

/** Has the outbox know the services that are configured. Before anything is recorded, or it would not wait for them. */
export async function putBuiltIn(outbox: Outbox, { notificationServiceUrl, orderServiceUrl }: Services, now: number): Promise<void> {
  const known = new Map((await outbox.consumers()).map((consumer) => [consumer.id, consumer]));
  const put = async (id: 'notifications' | 'orders', topic: Consumer['topic'], url: string | null): Promise<void> => {
    const before = known.get(id);
    if (before?.url === url) return;
    const revision = before?.revision ?? 0;
    const createdAt = before?.createdAt ?? now;
    const everything = { types: null, labels: null, description: null, secrets: [], enabled: true, disabledReason: null };
    await outbox.putConsumer({ ...everything, id, kind: id, url, topic, createdAt, revision: revision + 1 }, revision);
  };
  await put('notifications', 'notification', notificationServiceUrl ?? null);
  await put('orders', 'order', orderServiceUrl ?? null);
}
