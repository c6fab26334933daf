/** Line icons of 20 x 20, in the colour of the text around them. */
const PATHS = {
  back: 'M12.5 4.5 7 10l5.5 5.5',
  close: 'm5.5 5.5 9 9m0-9-9 9',
  search: 'M8.75 14a5.25 5.25 0 1 0 0-10.5 5.25 5.25 0 0 0 0 10.5Zm3.9-1.35L16.5 16.5',
  plus: 'M10 4.5v11M4.5 10h11',
  minus: 'M4.5 10h11',
  fit: 'M4 7.5V4h3.5M12.5 4H16v3.5M16 12.5V16h-3.5M7.5 16H4v-3.5',
  follow: 'M10 14.25a4.25 4.25 0 1 0 0-8.5 4.25 4.25 0 0 0 0 8.5ZM10 2.5v3.25M10 14.25v3.25M2.5 10h3.25M14.25 10h3.25',
  ride: 'M4.2 10.5 5.6 6.2a1.6 1.6 0 0 1 1.5-1.1h5.8a1.6 1.6 0 0 1 1.5 1.1l1.4 4.3m-11.6 0h11.6m-11.6 0c-.8 0-1.4.6-1.4 1.4v3h2.4v-1.6h9.6v1.6h2.4v-3c0-.8-.6-1.4-1.4-1.4',
  delivery: 'M10 2.8 16.3 6v8L10 17.2 3.7 14V6L10 2.8Zm0 7L16.1 6.2M10 9.8v7.2M10 9.8 3.9 6.2M6.8 4.5l6.3 3.4',
  chevron: 'm5 7.5 5 5 5-5',
  signout: 'M8 3.5H4.5v13H8M12.5 6.5 16 10l-3.5 3.5M16 10H8',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg viewBox="0 0 20 20" width={size} height={size} className="icon" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
