/**
 * What a scanner may answer. A scanner reads hostile octets, so what it says is checked as if it came from outside before any
 * agent or log sees it.
 */
import * as v from "valibot";
import { NOT_SCANNED_REASONS, SCAN_STATUSES } from "../engine/types.ts";

const octets = v.pipe(v.number(), v.integer(), v.minValue(0));
const text = (max: number) => v.pipe(v.string(), v.maxLength(max));
const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const reason = v.picklist(NOT_SCANNED_REASONS);
/** Longest name of a file or path of a part, characters. */
const NAME = 65_536;

const range = { start: octets, end: octets };

/** {@link import("../engine/types.ts").MessageLayout} */
export const layoutSchema = v.object({
  headerEnd: octets,
  lineEnd: v.picklist(["\r\n", "\n"]),
  ownFields: v.array(v.object(range)),
  subject: v.exactOptional(v.object({ ...range, value: v.string() })),
});

const verdict = v.looseObject({
  status: v.picklist(SCAN_STATUSES),
  findings: v.array(v.object({
    name: v.pipe(v.string(), v.regex(/^[\x20-\x7e]{1,200}$/)),
    severity: v.picklist(["infected", "suspicious"]),
    part: text(NAME),
    engine: text(64),
    offset: v.exactOptional(octets),
  })),
  notScanned: v.array(reason),
  parts: v.array(v.looseObject({
    path: text(NAME),
    parent: v.exactOptional(text(NAME)),
    kind: v.picklist(["root", "part", "entry", "reading"]),
    reading: v.exactOptional(text(64)),
    type: text(64),
    declaredType: v.exactOptional(text(NAME)),
    names: v.array(text(NAME)),
    size: octets,
    // Empty for an entry whose content could not be read.
    sha256: v.union([hash, v.literal("")]),
    depth: octets,
    encrypted: v.exactOptional(v.boolean()),
    notScanned: v.exactOptional(reason),
  })),
  ambiguities: v.array(v.object({ name: text(64), part: text(NAME) })),
  spam: v.exactOptional(v.object({
    score: v.pipe(v.number(), v.finite()),
    symptoms: v.array(v.object({ name: text(200), points: v.pipe(v.number(), v.finite()) })),
  })),
  layout: v.exactOptional(layoutSchema),
  headers: v.array(v.object({ name: v.string(), value: v.string() })),
  subject: v.exactOptional(text(998)),
  messageId: v.exactOptional(text(998)),
  signaturesAge: v.exactOptional(octets),
  sha256: hash,
  size: octets,
  costs: v.record(v.string(), v.pipe(v.number(), v.finite())),
  usage: v.exactOptional(
    v.object({ depth: octets, files: octets, octets, timeMs: v.pipe(v.number(), v.minValue(0)) }),
  ),
});

/** Head of a scanner's answer: {@link import("../engine/scanner/protocol.ts").ScannerAnswer}. */
export const answerSchema = v.variant("ok", [
  v.object({ ok: v.literal("scan"), verdict }),
  v.object({ ok: v.literal("rewrite"), layout: layoutSchema, failed: v.array(v.string()) }),
  v.object({
    ok: v.literal(false),
    reason: v.picklist(["memory", "crashed"]),
    message: v.string(),
  }),
]);
