import { z } from "zod";

/** Content that only clients can read. The server carries it and never looks inside. */
const encryptedContentSchema = z
  .looseObject({
    algorithm: z.string(),
    key_id: z.string(),
    nonce: z.string(),
    ciphertext: z.string(),
  })
  .meta({ id: "EncryptedContent", description: "Content sealed by the client" });

/** Any JSON object. What it means is between clients; its text comes back to the byte. */
export const contentSchema = z
  .union([encryptedContentSchema, z.record(z.string(), z.unknown())])
  .meta({ id: "Content", description: "A JSON object, plain or an EncryptedContent" });

export const messageKindSchema = z.enum(["text", "file", "image", "video"]);
export type MessageKind = z.infer<typeof messageKindSchema>;
