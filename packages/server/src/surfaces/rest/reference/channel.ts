import type { TSchema } from 'typebox';

/** What a message is for, and one that fits its schema. */
export interface MessageNote {
  readonly summary: string;
  readonly example: unknown;
}

/** How a socket lets its client in; the schemes stand in async-api.ts. */
export type ChannelSecurity = 'token' | 'ticket' | 'queryToken';

/** One kind of socket, as the AsyncAPI document describes it: one entry per kind. */
export interface Channel {
  /** `[A-Za-z0-9._-]+`, unique among the channels. */
  readonly name: string;
  readonly title: string;
  /** Its path, with `{name}` for every parameter. */
  readonly address: string;
  /** Markdown: paragraphs, `code`, lists and tables. */
  readonly description: string;
  readonly parameters: Readonly<Record<string, { readonly description: string; readonly examples?: readonly string[] }>>;
  /** An object schema of what may stand in the query. */
  readonly query?: TSchema;
  /** What lets a client in; empty when anybody may come. */
  readonly security: readonly ChannelSecurity[];
  /** WebSocket unless said; of Socket.IO the messages are events, and a payload is an event's first argument. */
  readonly transport?: 'WebSocket' | 'Socket.IO';
  /** What clients may send, by name. Without a note, `description` and `examples` of the schema serve. */
  readonly client: Readonly<Record<string, TSchema>>;
  /** What the server sends, by name. */
  readonly server: Readonly<Record<string, TSchema>>;
  readonly notes?: Readonly<Record<string, MessageNote>>;
  readonly closeCodes?: readonly { readonly code: number; readonly meaning: string }[];
}
