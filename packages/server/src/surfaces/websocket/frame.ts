/** An unmasked text frame, header and payload in one buffer so that it is one write (RFC 6455, 5.2). */
export function frame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const buffer = withHeader(length);
  buffer.write(text, buffer.length - length);
  return buffer;
}

/** The same for text known to be ASCII, whose length needs no counting. */
export function asciiFrame(text: string): Buffer {
  const buffer = withHeader(text.length);
  buffer.write(text, buffer.length - text.length, 'latin1');
  return buffer;
}

function withHeader(length: number): Buffer {
  if (length < 126) {
    const buffer = Buffer.allocUnsafe(2 + length);
    buffer[0] = 0x81;
    buffer[1] = length;
    return buffer;
  }
  if (length < 65_536) {
    const buffer = Buffer.allocUnsafe(4 + length);
    buffer[0] = 0x81;
    buffer[1] = 126;
    buffer[2] = length >>> 8;
    buffer[3] = length & 0xff;
    return buffer;
  }
  const buffer = Buffer.allocUnsafe(10 + length);
  buffer[0] = 0x81;
  buffer[1] = 127;
  buffer.writeBigUInt64BE(BigInt(length), 2);
  return buffer;
}
