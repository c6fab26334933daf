import type { AsyncApi, AsyncApiChannel, AsyncApiMessage } from '../async-api.ts';
import { example } from './example.ts';
import { anchor, type Html, html } from './html.ts';
import { inline, markdown } from './markdown.ts';
import { memberRow, membersTable } from './members.ts';

export interface Socket {
  readonly name: string;
  readonly channel: AsyncApiChannel;
  readonly client: readonly AsyncApiMessage[];
  readonly server: readonly AsyncApiMessage[];
}

export function listSockets({ channels, components }: AsyncApi): Socket[] {
  return Object.entries(channels).map(([name, channel]) => {
    const of = (side: string) =>
      Object.keys(channel.messages)
        .filter((key) => key.startsWith(`${side}.`))
        .flatMap((key) => components.messages[`${name}.${key}`] ?? []);
    return { name, channel, client: of('client'), server: of('server') };
  });
}

export function socketAnchor(name: string): string {
  return anchor('socket', name);
}

export function messageAnchor(socket: string, side: 'client' | 'server', message: string): string {
  return anchor('message', socket, side, message);
}

export function socketSection({ name, channel, client, server }: Socket): Html {
  const id = socketAnchor(name);
  const { title, address, description, parameters = {}, bindings } = channel;
  const query = bindings?.ws.query;
  const rows = Object.entries(parameters).map(([parameter, about]) =>
    memberRow({ name: `{${parameter}}`, required: true, schema: { type: 'string' }, description: about.description }),
  );
  return html`<section id="${id}"><h2><a href="#${id}">${title}</a></h2>
<p class="address"><span class="method socket">${bindings === undefined ? 'Socket.IO' : 'WebSocket'}</span> <code>${address}</code></p>
${markdown(description)}
${rows.length === 0 ? '' : html`<h3>In the address</h3><table class="members"><tbody>${rows}</tbody></table>`}
${query === undefined ? '' : html`<h3>In the query</h3>${membersTable(query)}`}
${messages('Clients send', name, 'client', client)}
${messages('The server sends', name, 'server', server)}
</section>`;
}

function messages(title: string, socket: string, side: 'client' | 'server', all: readonly AsyncApiMessage[]): Html {
  if (all.length === 0) return html``;
  return html`<h3>${title}</h3>${all.map((message) => messageArticle(message, messageAnchor(socket, side, message.name)))}`;
}

function messageArticle({ title, summary = '', payload, examples = [] }: AsyncApiMessage, id: string): Html {
  return html`<article id="${id}" class="message">
<h4><a href="#${id}"><code>${title}</code></a></h4>
<p class="summary">${inline(summary)}</p>
${membersTable(payload)}
${examples.map((one) => example(one.payload))}
</article>`;
}
