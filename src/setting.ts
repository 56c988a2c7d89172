import { z } from "zod";

/** One setting: how its text is read, and how it is documented. */
export interface Setting<T> {
  readonly type: string;
  /** As text, the way it would be set; undefined: there is none. */
  readonly default: string | undefined;
  readonly doc: string;
  readonly schema: z.ZodType<T, string>;
  /** Its value is never shown. */
  readonly secret?: true;
}

export type SettingTable = Readonly<Record<string, Setting<unknown>>>;

/** Setting name → its value once read; those without default may be undefined. */
export type ValuesOf<T extends SettingTable> = {
  readonly [K in keyof T]: T[K] extends Setting<infer V> ? V | undefined : never;
};

export const setting = <T>(
  type: string,
  fallback: string | undefined,
  doc: string,
  schema: z.ZodType<T, string>,
): Setting<T> => ({ type, default: fallback, doc, schema });

/** The same setting, never shown. */
export const secret = <T>(one: Setting<T>): Setting<T> => ({ ...one, secret: true });

export function whole(min: number, max: number): z.ZodType<number, string> {
  return z
    .string()
    .regex(/^[0-9]{1,15}$/, { error: "is not a whole number", abort: true })
    .transform(Number)
    .refine((value) => value >= min && value <= max, { error: "is out of range" });
}

export const wholeSetting = (
  min: number,
  max: number,
  fallback: string | undefined,
  doc: string,
): Setting<number> => setting(`whole number, ${min} to ${max}`, fallback, doc, whole(min, max));

/** One of some words; capitals make no difference, since other programs write `SCRAM-SHA-512`. */
export function oneOf<const T extends readonly string[]>(
  values: T,
  fallback: T[number] | undefined,
  doc: string,
): Setting<T[number]> {
  const schema = z
    .string()
    .toLowerCase()
    .pipe(
      z.enum(values as unknown as readonly [T[number], ...T[number][]], {
        error: "is not one of them",
      }),
    );
  return setting(values.join(" | "), fallback, doc, schema as z.ZodType<T[number], string>);
}

export function flag(fallback: "true" | "false" | undefined, doc: string): Setting<boolean> {
  const schema = z
    .string()
    .regex(/^(?:true|false|1|0)$/i, { error: "is not one of them" })
    .transform((value) => value === "1" || value.toLowerCase() === "true");
  return setting("true | false", fallback, doc, schema as z.ZodType<boolean, string>);
}

export const text = (error: string, pattern: RegExp): z.ZodType<string, string> =>
  z.string().regex(pattern, { error });

export const path = (doc: string, fallback?: string): Setting<string> =>
  setting("path of a file", fallback, doc, text("is not a path", /^[^\0]{1,4096}$/));

const PRINTABLE = /^[\u0020-\u007e]{1,200}$/;

export const printable = (doc: string, fallback?: string): Setting<string> =>
  setting("text", fallback, doc, text("is not 1 to 200 printable ASCII characters", PRINTABLE));
