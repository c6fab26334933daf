import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { BadInput, type OnBad } from './bad-input.ts';
import { readPoint } from './read-point.ts';
import { readOffset } from './read-time.ts';
import type { Track } from './track.ts';

export interface GpxOptions {
  /** the name in messages ('input') */
  file?: string | undefined;
  /** for times without an offset, as `+02:00` (UTC) */
  timezoneOffset?: string | undefined;
  /** id of a track without a name, with its number ('track') */
  track?: string | undefined;
  onBad?: OnBad | undefined;
}

type Element = { [name: string]: unknown };

const META = XMLParser.getMetaDataSymbol() as symbol;

/**
 * Reads the tracks of a GPX 1.0 or 1.1 file; the segments of one follow each other. Speeds are m/s there, `speed` and
 * `course` stand in the point or in its extensions.
 * @throws BadInput at the first bad point, unless `onBad` takes them; always for what is no GPX
 */
export function parseGpx(text: string, options: GpxOptions = {}): Track[] {
  const { file = 'input', track = 'track', onBad } = options;
  const offset = readOffset(options.timezoneOffset ?? 'Z');
  const gpx = readXml(text, file);
  const lineOf = lineCounter(text);
  const used = new Set<string>();
  return elements(gpx, 'trk').map((trk, index) => {
    const id = unused(string(trk, 'name') ?? `${track}-${index + 1}`, used);
    const points = [];
    for (const segment of elements(trk, 'trkseg')) {
      for (const trkpt of elements(segment, 'trkpt')) {
        try {
          points.push(readTrkpt(trkpt, offset));
        } catch (error) {
          if (!(error instanceof RangeError)) throw error;
          const problem = new BadInput(file, lineOf(trkpt), error.message);
          if (onBad === undefined) throw problem;
          onBad(problem);
        }
      }
    }
    return { id, points };
  });
}

function readXml(text: string, file: string): Element {
  const valid = XMLValidator.validate(text);
  if (valid !== true) throw new BadInput(file, valid.err.line, valid.err.msg);
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    removeNSPrefix: true,
    parseTagValue: false,
    parseAttributeValue: false,
    captureMetaData: true,
    isArray: (name) => name === 'trk' || name === 'trkseg' || name === 'trkpt',
  });
  const root: unknown = parser.parse(text);
  if (!isElement(root) || !isElement(root.gpx)) throw new BadInput(file, 1, 'this is no GPX: there is no gpx element');
  return root.gpx;
}

function readTrkpt(trkpt: Element, offset: string) {
  const extensions = isElement(trkpt.extensions) ? trkpt.extensions : {};
  const inner = isElement(extensions.TrackPointExtension) ? extensions.TrackPointExtension : {};
  const find = (...names: string[]) => {
    for (const place of [trkpt, extensions, inner]) {
      for (const name of names) {
        const value = string(place, name);
        if (value !== undefined) return value;
      }
    }
    return undefined;
  };
  const raw = {
    lat: string(trkpt, '@lat'),
    lng: string(trkpt, '@lon'),
    time: string(trkpt, 'time'),
    speed: find('speed'),
    bearing: find('course', 'bearing', 'heading'),
    accuracy: find('accuracy'),
    altitude: string(trkpt, 'ele'),
  };
  return readPoint(raw, offset, 3.6);
}

function isElement(value: unknown): value is Element {
  return typeof value === 'object' && value !== null;
}

function elements(parent: Element, name: string): Element[] {
  const value = parent[name];
  return Array.isArray(value) ? value.filter(isElement) : [];
}

/** The text of a child, also when it has attributes; undefined when it is empty or not there. */
function string(parent: Element, name: string): string | undefined {
  const value = parent[name];
  const text = isElement(value) ? value['#text'] : value;
  return typeof text === 'string' && text.trim() !== '' ? text.trim() : undefined;
}

function unused(name: string, used: Set<string>): string {
  let id = name;
  for (let n = 2; used.has(id); n++) id = `${name}-${n}`;
  used.add(id);
  return id;
}

/** The line an element starts on, for elements in the order of the text. */
function lineCounter(text: string): (element: Element) => number {
  let line = 1;
  let newline = text.indexOf('\n');
  return (element) => {
    const meta = (element as Record<symbol, { startIndex?: number } | undefined>)[META];
    for (const end = meta?.startIndex ?? 0; newline >= 0 && newline < end; newline = text.indexOf('\n', newline + 1)) line += 1;
    return line;
  };
}
