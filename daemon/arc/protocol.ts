/** Messages between the daemon and the worker that seals. */
import * as v from "valibot";
import { MAX_NAME_CHARACTERS } from "./limits.ts";
import type { SealIdentity } from "./seal.ts";

/** From the daemon to the worker. */
export type ToSealer =
  /** First message. */
  | { readonly type: "start"; readonly identity: SealIdentity }
  | {
    readonly type: "seal";
    readonly id: number;
    readonly original: Uint8Array;
    readonly message: Uint8Array;
  }
  /** What DNS says; `undefined`: nothing. */
  | {
    readonly type: "texts";
    readonly id: number;
    readonly name: string;
    readonly texts: readonly (readonly string[])[] | undefined;
  };

const id = v.pipe(v.number(), v.integer(), v.minValue(0));

/** From the worker, after the message that says that it is loaded. */
export const fromSealer = v.variant("type", [
  v.object({
    type: v.literal("lookUp"),
    id,
    /** A key's: nothing else is asked for. */
    name: v.pipe(
      v.string(),
      v.maxLength(MAX_NAME_CHARACTERS),
      v.regex(
        /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\._domainkey\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/,
      ),
    ),
  }),
  v.object({
    type: v.literal("sealed"),
    id,
    fields: v.pipe(v.string(), v.maxLength(100_000), v.regex(/^ARC-Seal: [\x20-\x7e\t\r\n]+\r\n$/)),
  }),
  v.object({ type: v.literal("unsealed"), id, why: v.pipe(v.string(), v.maxLength(1000)) }),
]);
