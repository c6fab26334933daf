/** The rules that are configured. km/h; 0 turns the teleport rule off [F5]. */
export interface Rules {
  readonly maxPlausibleSpeedKmh: number;
}
