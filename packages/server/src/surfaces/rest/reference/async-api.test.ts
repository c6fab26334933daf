import { CLIENT_MESSAGES, ERRORS, SERVER_MESSAGES, STREAM_LIMITS } from '@waycast/protocol';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import Type from 'typebox';
import { describe, expect, it } from 'vitest';
import { DELIVERY_CHANNEL } from '../../delivery/channel.ts';
import { RIDESHARE_CHANNELS } from '../../rideshare/channels.ts';
import { FLEET_CHANNEL } from '../../socketio/channel.ts';
import { asyncApi } from './async-api.ts';
import type { Channel } from './channel.ts';
import { NATIVE_CHANNEL } from './native-channel.ts';
import { fitsAsyncApi } from './testing/async-api-schema.ts';

/** A socket as a dialect would bring it: an address with a parameter, messages that go both ways, titles others use too. */
const OTHER: Channel = {
  name: 'rides',
  title: 'Rides of old',
  address: '/ws/{rideId}',
  description: 'An older format.',
  parameters: { rideId: { description: 'the ride', examples: ['ride-1'] } },
  security: ['queryToken'],
  client: {
    location: Type.Object({ lat: Type.Number() }, { description: 'a position', examples: [{ lat: 1 }] }),
  },
  server: {
    location: Type.Object({ lat: Type.Number(), at: Type.Object({ place: Type.String() }, { title: 'Location' }) }),
  },
  closeCodes: [{ code: 4004, meaning: 'no such | ride' }],
};

const native = asyncApi([NATIVE_CHANNEL], '1.2.3');
const all = asyncApi([NATIVE_CHANNEL, ...RIDESHARE_CHANNELS, DELIVERY_CHANNEL, FLEET_CHANNEL], '1.2.3');

describe('the AsyncAPI document [B2]', () => {
  it('is AsyncAPI 3.0, of the native stream alone and with others', () => {
    expect(fitsAsyncApi(native)).toEqual([]);
    expect(fitsAsyncApi(all)).toEqual([]);
    expect(fitsAsyncApi(asyncApi([NATIVE_CHANNEL, OTHER], '1.2.3'))).toEqual([]);
    expect(fitsAsyncApi({ ...native, channels: { stream: { addres: '/x' } } })).not.toEqual([]);
  });

  it('names every message of the stream, in its direction', () => {
    const { operations, components } = native;
    expect(Object.keys(components.messages).toSorted()).toEqual(
      [
        ...Object.keys(CLIENT_MESSAGES).map((name) => `stream.client.${name}`),
        ...Object.keys(SERVER_MESSAGES).map((name) => `stream.server.${name}`),
      ].toSorted(),
    );
    expect(operations['stream.receive']).toMatchObject({ action: 'receive', channel: { $ref: '#/channels/stream' } });
    expect(operations['stream.receive']?.messages).toHaveLength(Object.keys(CLIENT_MESSAGES).length);
    expect(operations['stream.send']?.messages).toHaveLength(Object.keys(SERVER_MESSAGES).length);
  });

  it('has for every message of every socket a summary and an example that fits', () => {
    const { components } = all;
    const ajv = formats.default(new Ajv({ strict: false }));
    ajv.addSchema({ $id: 'api', components });
    for (const [name, { payload, examples = [], summary }] of Object.entries(components.messages)) {
      expect(summary, name).toBeTruthy();
      expect(examples.length, name).toBeGreaterThan(0);
      const fits = ajv.compile(absolute(payload));
      for (const example of examples) expect(fits(example.payload), `${name}: ${ajv.errorsText(fits.errors)}`).toBe(true);
    }
    for (const [name, schema] of Object.entries(components.schemas)) {
      const fits = ajv.compile(absolute(schema));
      for (const example of schema.examples ?? []) expect(fits(example), `${name}: ${ajv.errorsText(fits.errors)}`).toBe(true);
    }
  });

  it('says the limits, and every code that closes a connection', () => {
    const { description } = native.channels.stream ?? { description: '' };
    for (const limit of Object.values(STREAM_LIMITS)) expect(description).toMatch(new RegExp(`\\| ${limit}( \\w+)? \\|`));
    for (const [code, error] of Object.entries(ERRORS))
      expect(description.includes(`| \`${'close' in error ? error.close : ''}\` | \`${code}\`: ${error.title} |`), code).toBe(
        'close' in error,
      );
  });

  it('tells messages apart by their way, and schemas of one title by their channel', () => {
    const { components, channels } = asyncApi([NATIVE_CHANNEL, OTHER], '1');
    expect(components.messages['rides.client.location']).toMatchObject({ summary: 'a position', examples: [{ payload: { lat: 1 } }] });
    expect(components.messages['rides.server.location']?.payload.properties?.at).toEqual({ $ref: '#/components/schemas/rides.Location' });
    expect(components.schemas.Location).not.toEqual(components.schemas['rides.Location']);
    expect(channels.rides).toMatchObject({ address: '/ws/{rideId}', parameters: OTHER.parameters });
    expect(channels.rides?.description).toContain('| `4004` | no such \\| ride |');
    expect(Object.keys(components.securitySchemes).toSorted()).toEqual(['queryToken', 'ticket', 'token']);
    expect(Object.keys(native.components.securitySchemes).toSorted()).toEqual(['ticket', 'token']);
  });

  it('says which sockets are Socket.IO by having no WebSocket binding for them', () => {
    const { channels } = asyncApi([{ ...OTHER, transport: 'Socket.IO', security: [] }], '1');
    expect(channels.rides).not.toHaveProperty('bindings');
    expect(native.channels.stream?.bindings?.ws.query?.properties).toHaveProperty('ticket');
  });

  it('refuses two channels of one name', () => {
    expect(() => asyncApi([OTHER, OTHER], '1')).toThrow('two channels have one name');
  });
});

function absolute(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"api#/components/')) as object;
}
