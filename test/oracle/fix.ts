/**
 * One position report as an oracle sees it. `at` is the capture and `receivedAt` the receipt, both epoch ms; speed in
 * km/h, bearing in degrees, accuracy and altitude in m. A fix with `seq` is a numbered one of `stream` (F9).
 */
export interface TruthFix {
  readonly lat: number;
  readonly lng: number;
  readonly at: number;
  readonly receivedAt: number;
  readonly speed?: number | null | undefined;
  readonly bearing?: number | null | undefined;
  readonly accuracy?: number | null | undefined;
  readonly altitude?: number | null | undefined;
  readonly stream?: string | null | undefined;
  readonly seq?: number | null | undefined;
}

/** A fix after F1: every member is there, unknown is null. */
export interface KeptFix {
  readonly lat: number;
  readonly lng: number;
  readonly at: number;
  readonly receivedAt: number;
  readonly speed: number | null;
  readonly bearing: number | null;
  readonly accuracy: number | null;
  readonly altitude: number | null;
  readonly stream: string | null;
  readonly seq: number | null;
}
