/** What a k6 script drives: one script each. */
export type Kind = "chat" | "connect-storm" | "resume-storm" | "http" | "ndjson";

/** A span of time in which the rate goes evenly from one to another, in messages a second. */
export interface Stage {
  readonly seconds: number;
  readonly from: number;
  readonly to: number;
}

/** A tighter aim than the thresholds: reported as met or missed, and no reason to fail. */
export interface Goal {
  readonly stat: "p50" | "p95" | "p99" | "p999";
  readonly below: number;
}

export interface Scenario {
  readonly title: string;
  readonly kind: Kind;
  /** Virtual users, each with an event loop and sockets of its own. */
  readonly vus: number;
  /** Conversations of each virtual user. */
  readonly rooms: number;
  /** Sockets that read a conversation. */
  readonly roomSize: number;
  /** Messages of one frame, or lines of one request. */
  readonly perFrame: number;
  readonly full: readonly Stage[];
  readonly short: readonly Stage[];
  readonly goals: readonly Goal[];
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const TIGHT: readonly Goal[] = [{ stat: "p99", below: 25 }];

const steady = (rate: number, seconds: number): readonly Stage[] => [
  { seconds, from: rate, to: rate },
];

/** Ten times the normal rate at once, and back, twice. */
const spikes = (calm: number, high: number): readonly Stage[] => [
  { seconds: calm, from: 1_000, to: 1_000 },
  { seconds: high, from: 10_000, to: 10_000 },
  { seconds: calm, from: 1_000, to: 1_000 },
  { seconds: high, from: 10_000, to: 10_000 },
  { seconds: calm, from: 1_000, to: 1_000 },
];

const CHAT = { kind: "chat", vus: 4, rooms: 13, roomSize: 2, goals: [] } as const;

/** Every scenario there is, by the name after `load:`. */
export const SCENARIOS = {
  normal: {
    ...CHAT,
    title: "Normal: 1,000 messages a second, one a frame",
    perFrame: 1,
    full: steady(1_000, 5 * MINUTE),
    short: steady(1_000, 30),
    goals: TIGHT,
  },
  peak: {
    ...CHAT,
    title: "Peak: 10,000 messages a second, 10 a frame",
    perFrame: 10,
    full: steady(10_000, 5 * MINUTE),
    short: steady(10_000, 30),
    goals: TIGHT,
  },
  sustained: {
    ...CHAT,
    title: "Sustained: 5,000 messages a second, 10 a frame",
    perFrame: 10,
    full: steady(5_000, HOUR),
    short: steady(5_000, 60),
    goals: TIGHT,
  },
  burst: {
    ...CHAT,
    title: "Burst: 20,000 messages a second, 20 a frame",
    perFrame: 20,
    full: steady(20_000, 5 * MINUTE),
    short: steady(20_000, 30),
  },
  spike: {
    ...CHAT,
    title: "Spike: from 1,000 to 10,000 messages a second at once and back, 10 a frame",
    perFrame: 10,
    full: spikes(MINUTE, MINUTE),
    short: spikes(8, 8),
  },
  soak: {
    ...CHAT,
    title: "Soak: 2,000 messages a second, 5 a frame",
    perFrame: 5,
    full: steady(2_000, 2 * HOUR),
    short: steady(2_000, 60),
    goals: TIGHT,
  },
  "connect-storm": {
    title: "Connect storm: thousands of sockets connect and subscribe within seconds",
    kind: "connect-storm",
    vus: 4,
    rooms: 1,
    roomSize: 1,
    perFrame: 1,
    full: steady(500, 20),
    short: steady(200, 15),
    goals: [],
  },
  "resume-storm": {
    title: "Resume storm: all sockets drop at once, come back and catch up, while others send",
    kind: "resume-storm",
    vus: 4,
    rooms: 13,
    roomSize: 10,
    perFrame: 1,
    full: steady(500, 2 * MINUTE),
    short: steady(500, 30),
    goals: [],
  },
  http: {
    ...CHAT,
    kind: "http",
    title: "HTTP: 500 messages a second, one a request, read over sockets",
    perFrame: 1,
    full: steady(500, 5 * MINUTE),
    short: steady(500, 30),
  },
  "100k": {
    ...CHAT,
    title: "100,000 messages a second, 100 a frame",
    perFrame: 100,
    full: steady(100_000, MINUTE),
    short: steady(100_000, 30),
    goals: [{ stat: "p99", below: 100 }],
  },
  "100k-ndjson": {
    ...CHAT,
    kind: "ndjson",
    title: "100,000 messages a second by NDJSON, 500 a request, read over sockets",
    // A request has as many lines for each of its virtual user's conversations.
    rooms: 10,
    perFrame: 500,
    full: steady(100_000, MINUTE),
    short: steady(100_000, 30),
    goals: [{ stat: "p99", below: 100 }],
  },
} as const satisfies Record<string, Scenario>;

export type ScenarioName = keyof typeof SCENARIOS;

export function isScenarioName(text: string): text is ScenarioName {
  return Object.hasOwn(SCENARIOS, text);
}
