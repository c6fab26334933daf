/** A piece of a page that is safe to write as it stands; only `html` makes it. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Content = Html | string | number | readonly Content[];

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** A template whose values are escaped, unless they are pieces of a page themselves. Attributes have to be quoted. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Html {
  return new Html(strings.map((text, i) => (i === 0 ? text : written(values[i - 1] ?? '') + text)).join(''));
}

/** Pieces with one thing between each two. */
export function joined(pieces: readonly Content[], between: string): Content {
  return pieces.flatMap((piece, i) => (i === 0 ? [piece] : [between, piece]));
}

/** The name of an anchor: what an address can carry as it stands. */
export function anchor(...parts: readonly string[]): string {
  return parts.map((part) => part.replaceAll(/[^A-Za-z0-9_.]+/g, '-')).join('-');
}

function written(content: Content): string {
  if (content instanceof Html) return content.text;
  if (typeof content === 'object') return content.map(written).join('');
  return String(content).replaceAll(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign);
}
