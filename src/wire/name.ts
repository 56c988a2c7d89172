import { z } from "zod";
import { limitsWith } from "../limits.ts";

const limits = limitsWith();
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/u;
const TENANT = /^[a-z0-9](?:-?[a-z0-9]){0,39}$/;
const ASCII = /^[\u0020-\u007e]*$/;

/** Length in bytes of the UTF-8 of a well-formed string. */
export function utf8Length(text: string): number {
  if (ASCII.test(text)) return text.length;
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (unit >= 0xd800 && unit < 0xdc00) {
      bytes += 4;
      i++;
    } else bytes += 3;
  }
  return bytes;
}

/** Whether the UTF-8 of a text is longer than `bytesMax`; counts only where its length leaves doubt. */
export function exceedsBytes(text: string, bytesMax: number): boolean {
  if (text.length > bytesMax) return true;
  return text.length * 3 > bytesMax && utf8Length(text) > bytesMax;
}

/** Why a name is refused, or undefined when it is a name: not empty, well-formed, no controls. */
export function nameFault(name: string, bytesMax: number): string | undefined {
  if (name.length === 0) return "is empty";
  if (name.length > bytesMax) return `is longer than ${bytesMax} bytes`;
  if (!name.isWellFormed()) return "has a lone surrogate";
  if (CONTROL.test(name)) return "has a control character";
  if (utf8Length(name) > bytesMax) return `is longer than ${bytesMax} bytes`;
  return undefined;
}

/** Why a conversation's name is refused, or undefined: 1 to 200 bytes of UTF-8 without controls. */
export function conversationFault(name: string): string | undefined {
  return nameFault(name, limits.conversationBytesMax);
}

export function isTenant(name: string): boolean {
  return name.length <= limits.tenantCharsMax && TENANT.test(name);
}

const named = (bytesMax: number) =>
  z
    .string()
    .min(1)
    .refine((name) => nameFault(name, bytesMax) === undefined, {
      error: (issue) => nameFault(String(issue.input), bytesMax) ?? "is not a name",
    })
    .meta({ description: `1 to ${bytesMax} bytes of UTF-8 without control characters` });

export const conversationSchema = named(limits.conversationBytesMax);
export const userSchema = named(limits.userBytesMax);
