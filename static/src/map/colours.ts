// The map's colours, light and dark; the ground stays pale, so that people and
// visits stand out.
export type Theme = "light" | "dark";

export const COLOURS = {
  light: {
    land: "#eef0ec", block: "#e4e7e1", built: "#e9ebe6", park: "#d3e5cd", wood: "#c9dec4", water: "#bcd6ea", border: "#c3c8bf",
    building: "#dfe1da", minor: "#ffffff", main: "#fffdf6", highway: "#fbe9c6", casing: "#d5d9d0", path: "#cfcabd", rail: "#b9bdb6",
    label: "#4c5560", place: "#2c343f", labelHalo: "#f6f7f4", waterLabel: "#3f6d93",
    trail: "#2563c9", trailCasing: "#ffffff", halo: "#1f6feb", fence: "#0b7f86",
  },
  dark: {
    land: "#181c22", block: "#1f242c", built: "#1c2128", park: "#1c2b23", wood: "#1a2821", water: "#15293b", border: "#333b46",
    building: "#222831", minor: "#2c333d", main: "#3a424e", highway: "#4a4639", casing: "#12151a", path: "#333a43", rail: "#3a414b",
    label: "#a8b2c0", place: "#d3dae4", labelHalo: "#12151a", waterLabel: "#7fa6c9",
    trail: "#7fb0ff", trailCasing: "#10141a", halo: "#7fb0ff", fence: "#4fc3c9",
  },
} satisfies Record<Theme, Record<string, string>>;

export type Colours = (typeof COLOURS)[Theme];
