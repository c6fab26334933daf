import { connect, type Socket } from 'node:net';
import type { PlannedConnection } from './peers/peer.ts';
import { baseLat, baseLng, STEP } from './positions.ts';

/** How a peer's messages look; see Peer. */
export interface LoadPeer {
  mark: string;
  prefix: string;
  suffix: string;
  acknowledges: boolean;
}

const KEY = Buffer.from([0xa5, 0x3c, 0x96, 0x0f]);
const PENDING_MAX = 1 << 20;
const NEAR = 96;

function clientFrame(opcode: number, payload: Buffer): Buffer {
  const head = payload.length < 126 ? 6 : 8;
  const frame = Buffer.allocUnsafe(head + payload.length);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | Math.min(payload.length, 126);
  if (payload.length >= 126) frame.writeUInt16BE(payload.length, 2);
  KEY.copy(frame, head - 4);
  for (let i = 0; i < payload.length; i++) frame[head + i] = (payload[i] ?? 0) ^ (KEY[i & 3] ?? 0);
  return frame;
}

function degrees(units: number): string {
  const digits = String(Math.abs(units)).padStart(8, '0');
  return `${units < 0 ? '-' : ''}${digits.slice(0, -7)}.${digits.slice(-7)}`;
}

/** One raw WebSocket of the load generator in Node: `k` of every delivered fix goes to `take`; NaN when it cannot be read. */
export class LoadSocket {
  lastK = -1;
  stored = 0;
  errors = 0;
  rejected = 0;
  conflated = 0;
  closed = false;
  firstError = '';
  readonly #port: number;
  readonly #planned: { [Member in keyof PlannedConnection]: PlannedConnection[Member] | undefined };
  readonly #role: { driver: number; watches: boolean };
  readonly #peer: LoadPeer;
  readonly #take: (k: number) => void;
  #socket: Socket | undefined;
  #rest: Buffer = Buffer.alloc(0);
  #upgraded = false;
  #ready: (() => void) | undefined;

  constructor(
    port: number,
    planned: { [Member in keyof PlannedConnection]: PlannedConnection[Member] | undefined },
    role: { driver: number; watches: boolean },
    peer: LoadPeer,
    take: (k: number) => void,
  ) {
    this.#port = port;
    this.#planned = planned;
    this.#role = role;
    this.#peer = peer;
    this.#take = take;
  }

  /** Resolves when the greeting is done. */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#ready = resolve;
      const socket = connect({ host: '127.0.0.1', port: this.#port, noDelay: true });
      this.#socket = socket;
      const header = this.#planned.header === undefined ? '' : `${this.#planned.header}\r\n`;
      socket.write(
        `GET ${this.#planned.path} HTTP/1.1\r\nHost: 127.0.0.1:${this.#port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Key: d2F5Y2FzdC1iZW5jaC4uLg==\r\nSec-WebSocket-Version: 13\r\n${header}\r\n`,
      );
      socket.on('data', (chunk: Buffer) => this.#receive(chunk));
      socket.on('error', reject);
      socket.on('close', () => {
        this.closed = true;
        reject(new Error('a connection was closed in its greeting'));
      });
    });
  }

  /** False when too much waits already. */
  sendFix(k: number, timestamp: number): boolean {
    if (this.#socket === undefined || this.#socket.writableLength > PENDING_MAX) return false;
    const lat = degrees(baseLat(this.#role.driver) + STEP * k);
    const lng = degrees(baseLng(this.#role.driver));
    const fix = `{"type":"fix","seq":${k + 1},"lat":${lat},"lng":${lng},"timestamp":${timestamp},"speed":36.5,"bearing":0,"accuracy":8}`;
    this.#send(1, `${this.#peer.prefix}${fix}${this.#peer.suffix}`);
    return true;
  }

  #send(opcode: number, text: string): void {
    this.#socket?.write(clientFrame(opcode, Buffer.from(text, 'latin1')));
  }

  #greeted(): void {
    this.#ready?.();
    this.#ready = undefined;
  }

  #receive(chunk: Buffer): void {
    let data = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    if (!this.#upgraded) {
      const end = data.indexOf('\r\n\r\n');
      if (end < 0) {
        this.#rest = data;
        return;
      }
      if (!data.toString('latin1', 0, 12).endsWith('101')) throw new Error(`handshake refused: ${data.toString('latin1', 0, 300)}`);
      this.#upgraded = true;
      data = data.subarray(end + 4);
      if (this.#planned.first !== undefined) this.#send(1, this.#planned.first);
      if (this.#planned.marker === undefined) this.#greeted();
    }
    this.#rest = data.subarray(this.#frames(data));
  }

  #frames(data: Buffer): number {
    let at = 0;
    while (data.length - at >= 2) {
      let head = 2;
      let size = (data[at + 1] ?? 0) & 127;
      if (size === 126) {
        if (data.length - at < 4) break;
        size = data.readUInt16BE(at + 2);
        head = 4;
      } else if (size === 127) {
        if (data.length - at < 10) break;
        size = Number(data.readBigUInt64BE(at + 2));
        head = 10;
      }
      if (data.length - at < head + size) break;
      this.#message((data[at] ?? 0) & 15, data.toString('latin1', at + head, at + head + size));
      at += head + size;
    }
    return at;
  }

  #message(opcode: number, text: string): void {
    if (opcode === 9) this.#send(10, text);
    if (opcode !== 1 && opcode !== 2) return;
    const near = text.slice(0, NEAR);
    if (this.#ready === undefined && this.#role.watches && near.includes(this.#peer.mark)) this.#take(this.#fixNumber(text));
    else if (text === '2') this.#send(1, '3');
    else this.#other(near, text);
  }

  #other(near: string, text: string): void {
    if (near.includes('"type":"error"')) {
      this.errors++;
      this.firstError ||= text.slice(0, 300);
    }
    if (this.#planned.marker !== undefined && text.includes(this.#planned.marker)) this.#greeted();
    if (near.includes('"type":"conflated"')) this.conflated++;
    if (this.#peer.acknowledges && near.includes('"type":"ack"')) {
      this.stored = Number(/"stored":(\d+)/.exec(text)?.[1] ?? this.stored);
      if (text.includes('"rejected":[{')) this.rejected++;
    }
  }

  #fixNumber(text: string): number {
    const at = text.indexOf('"lat":') + 6;
    const units = Math.round(Number.parseFloat(text.slice(at, at + 24)) * 1e7) - baseLat(this.#role.driver);
    return units >= 0 && units % STEP === 0 ? units / STEP : Number.NaN;
  }
}
