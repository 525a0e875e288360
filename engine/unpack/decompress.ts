/** Bounded inflating by whichever way is fastest and safe. */
import { constants, inflateRawSync } from "node:zlib";
import { inflate, type Inflated } from "./inflate.ts";
import { NATIVE_INFLATE_FROM_OCTETS, NATIVE_INFLATE_TO_OCTETS } from "./limits.ts";

/** Where no size is told: what deflate gives at most is some 1,000 times its input. */
const UNKNOWN_RATIO = 256;

/** What inflateRawSync gives with `info`. */
interface WithInfo {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

function isWithInfo(value: unknown): value is WithInfo {
  return typeof value === "object" && value !== null && "buffer" in value && "engine" in value &&
    value.buffer instanceof Uint8Array && typeof value.engine === "object" &&
    value.engine !== null &&
    "bytesWritten" in value.engine && typeof value.engine.bytesWritten === "number";
}

function native(input: Uint8Array, maxOctets: number): Inflated | undefined {
  const options = { info: true, maxOutputLength: Math.max(1, maxOctets), chunkSize: 64 << 10 };
  try {
    const result: unknown = inflateRawSync(input, { ...options, finishFlush: constants.Z_FINISH });
    if (!isWithInfo(result)) return undefined;
    return {
      octets: new Uint8Array(result.buffer.buffer, result.buffer.byteOffset, result.buffer.length),
      used: result.engine.bytesWritten,
      end: "complete",
    };
  } catch {
    return undefined; // the TypeScript way says what is wrong and keeps what was good
  }
}

let nativeIsBounded: boolean | undefined;

/** Some runtimes take no notice of maxOutputLength or of info in the synchronous calls (Deno 2.4): those are never given octets. */
function mayUseNative(): boolean {
  if (nativeIsBounded === undefined) {
    // one stored block of 8 octets: 01 08 00 f7 ff ...
    const block = new Uint8Array([1, 8, 0, 0xf7, 0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const whole = native(block, 8);
    nativeIsBounded = whole?.octets.length === 8 && whole.used === 13 &&
      native(block, 7) === undefined;
  }
  return nativeIsBounded;
}

/**
 * Inflates a raw deflate stream, as {@link inflate}, natively where that is faster and bounded.
 *
 * @param maxOctets Output never grows past it.
 * @param expected Output size that a header claims; a hint, not trusted.
 */
export function inflateRaw(input: Uint8Array, maxOctets: number, expected?: number): Inflated {
  const worth = input.length >= NATIVE_INFLATE_FROM_OCTETS && maxOctets > 0 &&
    (expected ?? input.length * UNKNOWN_RATIO) <= NATIVE_INFLATE_TO_OCTETS;
  if (worth && mayUseNative()) {
    const result = native(input, Math.min(maxOctets, NATIVE_INFLATE_TO_OCTETS));
    if (result) return result;
  }
  return inflate(input, maxOctets, expected === undefined ? {} : { expected });
}
