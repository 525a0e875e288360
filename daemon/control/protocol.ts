/** The control socket: many calls at once over one connection. Each frame is a head (JSON); where it says so, octets follow. */
import * as v from "valibot";
import { MAX_OBJECT_OCTETS } from "../../engine/scanner/limits.ts";

/** From a client. */
export const requestSchema = v.variant("type", [
  v.object({
    type: v.literal("call"),
    id: v.pipe(v.number(), v.integer(), v.minValue(0)),
    op: v.pipe(v.string(), v.maxLength(100)),
    args: v.optional(v.unknown()),
    /** Length of the frame of octets that follows; absent where none does. */
    octets: v.exactOptional(
      v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_OBJECT_OCTETS)),
    ),
  }),
  /** Nobody waits for this call any more. */
  v.object({ type: v.literal("cancel"), id: v.number() }),
]);

/** From the daemon. */
export const replySchema = v.variant("ok", [
  v.object({
    ok: v.literal(true),
    id: v.number(),
    result: v.optional(v.unknown()),
    /** Whether a frame of octets follows. */
    octets: v.boolean(),
  }),
  v.object({ ok: v.literal(false), id: v.number(), code: v.string(), message: v.string() }),
]);

/** A checked {@link requestSchema}. */
export type ControlRequest = v.InferOutput<typeof requestSchema>;
/** A checked {@link replySchema}. */
export type ControlReply = v.InferOutput<typeof replySchema>;

/** A head as a frame. */
export function encodeHead(head: ControlRequest | ControlReply): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(head));
}

/** A frame as a value, not checked. */
export function decodeHead(frame: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(frame));
}
