import type { SheetHeight } from '../app/sheet.tsx';

/** The width below which the panel is a sheet; the same number stands in styles/layout.css. */
export const PHONE_WIDTH = 760;
const PANEL = 404;
/** the map's buttons, as far as a fit's own margin does not clear them */
const BUTTONS = 16;
const SHEET_SHARE: Record<SheetHeight, number> = { peek: 0.15, half: 0.48, full: 0.48 };

/** How much of the map lies under the panel, in pixels. A full sheet hides the map: nothing need be centred then. */
export function insetsFor(width: number, height: number, sheet: SheetHeight) {
  if (width >= PHONE_WIDTH) return { left: PANEL, top: 0, right: BUTTONS, bottom: 0 };
  return { left: 0, top: 64, right: BUTTONS, bottom: Math.round(height * SHEET_SHARE[sheet]) };
}
