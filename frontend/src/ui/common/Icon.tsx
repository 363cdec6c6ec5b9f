/** Line icons on a 20 × 20 grid. */
const paths = {
  add: "M10 4v12M4 10h12",
  back: "M12 4l-6 6 6 6",
  check: "M4 10.5l4 4 8-9",
  close: "M5 5l10 10M15 5L5 15",
  clock: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM10 6.5V10l2.5 1.5",
  down: "M10 4v11M5 10.5l5 5 5-5",
  edit: "M4 16l.8-3.2L13 4.6a1.4 1.4 0 0 1 2 0l.4.4a1.4 1.4 0 0 1 0 2L7.2 15.2 4 16z",
  alert: "M10 3.5l7 12.5H3zM10 8.5v3.5M10 14.2v.1",
  hash: "M8 3L6.5 17M13.5 3L12 17M3.5 7.5h13.5M3 12.5h13.5",
  leave: "M8 4H5a1 1 0 0 0-1 1v10a1 1 0 0 0 1 1h3M12 6.5l3.5 3.5-3.5 3.5M15.5 10H8",
  lock: "M6 9V6.5a4 4 0 0 1 8 0V9M5 9h10v7.5H5z",
  megaphone: "M4 8.5v3l8.5 4v-11zM12.5 8a2.2 2.2 0 0 1 0 4M6 12.5l.8 3.5h2l-.7-2.6",
  moon: "M16 12.2A6.7 6.7 0 0 1 7.8 4a6.7 6.7 0 1 0 8.2 8.2z",
  more: "M4.5 10h.1M10 10h.1M15.5 10h.1",
  people:
    "M7.5 9.5a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4zM2.5 16c0-2.8 2-4.4 5-4.4s5 1.6 5 4.4M13 4.4a2.6 2.6 0 0 1 0 4.9M14.7 11.9c1.8.5 2.8 1.900 2.800 4.100",
  person:
    "M10 9.500a2.900 2.900 0 1 0 0-5.800 2.900 2.900 0 0 0 0 5.800zM4.500 16.500c0-3 2.200-4.700 5.500-4.700s5.500 1.700 5.500 4.700",
  power: "M10 3v6.5M6.300 5.600a6 6 0 1 0 7.400 0",
  reply: "M8 5L3.500 9.500 8 14M4 9.500h7.500a5 5 0 0 1 5 5v1",
  search: "M9 4a5 5 0 1 0 0 10A5 5 0 0 0 9 4zM12.700 12.700L16.500 16.500",
  send: "M3.500 10L16.500 4l-3.500 12.500-3-5zM10 11.500l3-3.500",
  "sign-in": "M12 4h3a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1h-3M8.5 6.5L12 10l-3.500 3.500M12 10H4",
  smile:
    "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM7.300 12c.6 1 1.600 1.600 2.700 1.600s2.100-.6 2.700-1.600M7.600 8.200v.1M12.400 8.200v.1",
  sun: "M10 6.700a3.300 3.300 0 1 0 0 6.600 3.300 3.300 0 0 0 0-6.600zM10 2.500v1.600M10 15.900v1.600M2.500 10h1.600M15.900 10h1.600M4.700 4.700l1.100 1.100M14.200 14.200l1.100 1.100M4.700 15.300l1.100-1.100M14.200 5.800l1.100-1.100",
  trash: "M4 6h12M8 6V4.200h4V6M5.500 6l.7 10h7.600l.7-10M8.500 9v4.500M11.500 9v4.500",
} as const;

/** One of the icons above, or the path of a feature's own on the same grid. */
export type IconName = keyof typeof paths | { readonly path: string };

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth={name === "more" ? 2.4 : 1.6}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      className="shrink-0"
    >
      <path d={typeof name === "string" ? paths[name] : name.path} />
    </svg>
  );
}
