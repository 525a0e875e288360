/** An outcome in Rspamd's words: its JSON reply, and the older text. */
import type { Verdict } from "../../engine/types.ts";
import type { Outcome } from "../../policy/types.ts";
import { markFields, markPrefix } from "../marking.ts";
import { isRefused, type Score } from "../score.ts";
import { MAX_SYMBOLS } from "./limits.ts";

/** What Rspamd's clients are told to do. */
export type RspamdAction =
  | "no action"
  | "add header"
  | "rewrite subject"
  | "soft reject"
  | "reject";

/** What a milter client is told besides. */
export interface MilterBlock {
  readonly add_headers?: Readonly<
    Record<string, { readonly value: string; readonly order: number }>
  >;
  /** 0: all of that name. */
  readonly remove_headers?: Readonly<Record<string, number>>;
  readonly reject?: "discard";
  readonly add_rcpt?: readonly string[];
  readonly del_rcpt?: readonly string[];
}

/** The reply to /checkv2. */
export interface RspamdResult {
  readonly is_skipped: boolean;
  readonly score: number;
  readonly required_score: number;
  readonly action: RspamdAction;
  readonly thresholds: Readonly<Partial<Record<RspamdAction, number>>>;
  readonly symbols: Readonly<
    Record<string, {
      readonly name: string;
      readonly score: number;
      readonly metric_score: number;
      readonly description: string;
      readonly options?: readonly string[];
    }>
  >;
  readonly messages: { readonly smtp_message?: string };
  readonly "message-id": string;
  /** Of `rewrite subject`. */
  readonly subject?: string;
  readonly milter?: MilterBlock;
  /** Seconds. */
  readonly time_real: number;
}

/** What a result is made of. */
export interface ResultSource {
  readonly outcome: Outcome;
  /** Absent where the policy wanted no scan. */
  readonly verdict?: Verdict;
  readonly score: Score;
  /** Whether the client can drop mail and change recipients. */
  readonly milter: boolean;
  readonly recipients: readonly string[];
  readonly timeMs: number;
}

/** Names of fields that only Postern writes: forged ones are to go. */
const OWN_FIELDS = [
  "X-Postern-Status",
  "X-Postern-Finding",
  "X-Postern-Not-Scanned",
  "X-Postern-Spam-Score",
] as const;

/** Makes the reply. */
export function rspamdResult(source: ResultSource): RspamdResult {
  const { outcome, verdict, score, timeMs } = source;
  const { action, message, subject } = actionOf(source);
  const symbols: Record<string, RspamdResult["symbols"][string]> = {};
  for (const { name, points, options, description } of score.symbols.slice(0, MAX_SYMBOLS)) {
    symbols[name] = {
      name,
      score: points,
      metric_score: points,
      description,
      ...(options.length === 0 ? {} : { options }),
    };
  }
  const milter = milterBlock(source, action);
  return {
    is_skipped: verdict === undefined && !isRefused(outcome),
    score: score.score,
    required_score: score.threshold,
    action,
    thresholds: { "add header": score.threshold },
    symbols,
    messages: message === undefined ? {} : { smtp_message: message },
    "message-id": (verdict?.messageId ?? "").replace(/^<|>$/g, ""),
    ...(subject === undefined ? {} : { subject }),
    ...(milter ? { milter } : {}),
    time_real: Math.round(timeMs) / 1000,
  };
}

function actionOf(
  { outcome, verdict, score, milter }: ResultSource,
): { action: RspamdAction; message?: string; subject?: string } {
  switch (outcome.action) {
    case "reject":
      return { action: "reject", message: replyText(outcome.reply) ?? "Refused by policy" };
    case "discard":
    case "quarantine": // who cannot drop mail refuses it: it is not to be delivered
      return { action: "reject", message: "Refused by policy" };
    case "defer":
      return { action: "soft reject", message: replyText(outcome.reply) ?? "Try again later" };
    case "redirect":
      return milter ? { action: "no action" } : {
        action: "soft reject",
        message: "Recipients cannot be changed here, try again later",
      };
    case "accept": {
      const prefix = markPrefix(outcome);
      const telling = score.spam || outcome.status === "infected" ||
        outcome.status === "suspicious";
      if (prefix !== "") {
        return { action: "rewrite subject", subject: `${prefix}${verdict?.subject ?? ""}` };
      }
      return { action: telling ? "add header" : "no action" };
    }
  }
}

/** The text of a policy's reply, without its codes: clients put their own before it. */
function replyText(reply: string | undefined): string | undefined {
  return reply?.replace(/^\d{3}[ -](?:[245]\.\d{1,3}\.\d{1,3} )?/, "").replace(
    /[^\x20-\x7e]+/g,
    " ",
  );
}

function milterBlock(
  { outcome, verdict, milter, recipients }: ResultSource,
  action: RspamdAction,
): MilterBlock | undefined {
  if (outcome.action === "discard" || outcome.action === "quarantine") return { reject: "discard" };
  if (action === "reject" || action === "soft reject") return undefined;
  const forged = (verdict?.layout?.ownFields.length ?? 0) > 0;
  const fields = markFields(outcome, verdict);
  const redirect = milter && outcome.action === "redirect"
    ? {
      add_rcpt: [...new Set(outcome.redirect)].map((address) => `<${address}>`),
      del_rcpt: recipients.map((address) => `<${address}>`),
    }
    : {};
  const block: MilterBlock = {
    ...(forged ? { remove_headers: Object.fromEntries(OWN_FIELDS.map((name) => [name, 0])) } : {}),
    ...(fields.length === 0 ? {} : {
      // At the top, the first one first: each is put before those that were.
      add_headers: Object.fromEntries(
        fields.toReversed().map(({ name, value }) => [name, { value, order: 0 }]),
      ),
    }),
    ...redirect,
  };
  return Object.keys(block).length === 0 ? undefined : block;
}

/** The answer in the form that Rspamd had before HTTP (RSPAMC/1.3), which Exim still reads. */
export function legacyText(result: RspamdResult): string {
  const spam = result.action === "no action" ? "False" : "True";
  const figure = (points: number) => points.toFixed(2);
  const { score, required_score: threshold } = result;
  return [
    "RSPAMD/1.3 0 EX_OK",
    `Metric: default; ${spam}; ${figure(score)} / ${figure(threshold)} / ${figure(threshold)}`,
    `Action: ${result.action}`,
    ...Object.values(result.symbols).map(({ name, score, options }) =>
      `Symbol: ${name}(${figure(score)})${options ? `[${options.join(", ")}]` : ""}`
    ),
    `Message-ID: ${result["message-id"].replace(/[^\x21-\x7e]+/g, "_")}`,
    "",
    "",
  ].join("\r\n");
}
