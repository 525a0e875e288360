/** Settings: what a rule, a group or the document's `settings` may say of handling. */
import * as z from "zod";
import { CLEAN_MODES, NOTICE_LANGUAGES } from "../../engine/types.ts";
import {
  ACTIONS,
  AMBIGUOUS_MODES,
  GREYLIST_ACTIONS,
  HANDLE_ACTIONS,
  REPORT_STATUSES,
} from "../types.ts";
import { anyOf } from "./condition.ts";
import { mailbox, reply, size, time, timeBetween } from "./text.ts";

const handle = z.enum(HANDLE_ACTIONS);
const gate = z.enum(["scan", ...HANDLE_ACTIONS]);
const count = z.int().min(1);
/** `always`, `never`, or the statuses for which. */
const statuses = z.union([z.enum(["always", "never"]), ...anyOf(z.enum(REPORT_STATUSES)).options]);

function byStatus<T extends z.ZodType>(value: T) {
  return {
    clean: value.optional(),
    cleaned: value.optional(),
    infected: value.optional(),
    suspicious: value.optional(),
    spam: value.optional(),
    notScanned: value.optional(),
    deleted: value.optional(),
  };
}

const settingsShape = {
  antivirus: z.strictObject({
    action: gate.optional().describe("scan, or what happens without a scan"),
    clean: z.enum(CLEAN_MODES).optional().describe(
      "how far infected mail is cleaned before `infected` applies",
    ),
    infected: handle.optional().describe("infected, and not cleaned"),
    suspicious: handle.optional().describe("found by a heuristic only"),
    notScanned: handle.optional().describe("not scanned, wholly or in part"),
    deleted: handle.optional().describe("nothing of it was left after cleaning"),
    ambiguous: z.enum(AMBIGUOUS_MODES).optional().describe(
      "mail that programs read differently: pass as it is, or rewrite so that one reading is left",
    ),
  }).optional(),
  antispam: z.strictObject({
    action: gate.optional().describe("scan, or what happens without a scan"),
    threshold: z.number().min(-1000).max(1000).optional().describe(
      "score from which on it is spam",
    ),
    spam: handle.optional(),
    subjectPrefix: z.string().max(100).regex(/^[^\p{Cc}]*$/u, "no control characters").optional()
      .describe(
        "put before the subject of spam, once",
      ),
  }).optional(),
  limits: z.strictObject({
    messageSize: size.optional().describe("largest message that is scanned"),
    archiveLevels: count.optional().describe("deepest nesting"),
    archiveSize: size.optional().describe("most unpacked octets, all levels together"),
    archiveFiles: count.optional().describe("most parts and entries, all levels together"),
    archiveRatio: count.optional().describe("most octets unpacked from one packed, past 1 MB"),
    scanTime: time.optional(),
  }).optional(),
  // The ranges do not meet, so that whatever rules and groups put together, a second try after the delay is in time.
  greylist: z.strictObject({
    action: z.enum(GREYLIST_ACTIONS).optional().describe(
      "delay: the first mail from a client's network, a sender, to a recipient has to come again; pass: none has to",
    ),
    delay: timeBetween("1s", "12h").optional().describe("how long a first try waits"),
    window: timeBetween("1d", "30d").optional().describe(
      "until when after the first try it must come again",
    ),
    keep: timeBetween("1d", "366d").optional().describe(
      "how long what came again is known, from its last mail on",
    ),
    proven: z.int().min(0).max(1000).optional().describe(
      "after so many senders and recipients whose mail came again, nothing of the client's network waits; 0: never",
    ),
  }).optional(),
  marks: z.strictObject({
    header: statuses.optional().describe("X-Postern-* fields"),
    subject: statuses.optional().describe("a word before the subject"),
    footnote: statuses.optional().describe("a note at the end of the text"),
    language: z.enum(["auto", ...NOTICE_LANGUAGES]).optional().describe(
      "of notes and footnotes; auto: the message's own",
    ),
  }).optional(),
  quarantine: statuses.optional().describe("keep a copy, whatever the action"),
  notify: z.strictObject(byStatus(anyOf(mailbox))).optional().describe("who is told"),
  replies: z.strictObject({ ...byStatus(reply), rule: reply.optional() }).optional().describe(
    "reply texts by cause; `rule`: of rules without a reply of their own",
  ),
};

/** All settings, each optional. */
export const settingsSchema = z.strictObject(settingsShape);

/** `then`: a final action, and any settings. */
export const thenSchema = z.strictObject({
  action: z.enum(ACTIONS).optional().describe(
    'what finally happens; accept: passes without a scan (to leave out the spam test only, say antispam: { action: "accept" })',
  ),
  reply: reply.optional().describe("with reject (5xx) or defer (4xx)"),
  redirect: anyOf(mailbox).optional().describe("with redirect: where it goes instead"),
  ...settingsShape,
}).superRefine((then, context) => {
  if (then.reply !== undefined) {
    const class_ = then.action === "reject" ? "5" : then.action === "defer" ? "4" : undefined;
    if (class_ === undefined) {
      context.addIssue({
        code: "custom",
        path: ["reply"],
        message: "a reply goes with action reject or defer",
      });
    } else if (then.reply[0] !== class_) {
      context.addIssue({
        code: "custom",
        path: ["reply"],
        message: `action ${then.action} needs a reply that begins with ${class_}`,
        input: then.reply,
      });
    }
  }
  if ((then.redirect !== undefined) !== (then.action === "redirect")) {
    context.addIssue({
      code: "custom",
      path: then.redirect === undefined ? ["action"] : ["redirect"],
      message: "action redirect and its addresses (redirect) go together",
    });
  }
  if (Object.keys(then).length === 0) {
    context.addIssue({ code: "custom", path: [], message: "an action or at least one setting" });
  }
});

/** Settings as people write them. */
export type SettingsInput = (typeof import("./settings.ts"))["settingsSchema"]["_zod"]["input"];
/** Settings, checked. */
export type Settings = z.output<typeof settingsSchema>;
/** `then`, checked. */
export type Then = z.output<typeof thenSchema>;
