import type { Clock } from '../ports.ts';

interface Task {
  readonly ms: number;
  readonly run: () => void;
  next: number;
}

/** A clock that a test turns. */
export class ManualClock implements Clock {
  readonly #tasks = new Set<Task>();
  #now: number;

  constructor(now = Date.UTC(2026, 0, 5, 8)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  every(ms: number, task: () => void): () => void {
    const entry = { ms, run: task, next: this.#now + ms };
    this.#tasks.add(entry);
    return () => this.#tasks.delete(entry);
  }

  /** Lets so many ms pass; what is due happens in order, each at its time. */
  pass(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#tasks].filter(({ next }) => next <= end).sort((a, b) => a.next - b.next)[0];
      if (due === undefined) break;
      this.#now = due.next;
      due.next += due.ms;
      due.run();
    }
    this.#now = end;
  }

  /** As when somebody sets the system's clock; nothing becomes due. */
  set(now: number): void {
    for (const task of this.#tasks) task.next += now - this.#now;
    this.#now = now;
  }
}
