/** Log events as lines: `key=value` or JSON. */
import type { LogLevel, MessageRecord } from "../../agents/ports.ts";
import { cutText, escapeText, quoteList, quoteValue, safeJson } from "./escape.ts";
import { LIST_CHARACTERS, OUTCOMES, VALUE_CHARACTERS } from "./limits.ts";

/** A value of a field; a list is written as one value. */
export type FieldValue = string | number | boolean | readonly string[];
/** A field; order is kept. */
export type Field = readonly [key: string, value: FieldValue];

/** What becomes a line. */
export interface LogEvent {
  readonly level: LogLevel;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly fields: readonly Field[];
  /** For JSON, where it has more shape than fields. */
  readonly object?: () => Readonly<Record<string, unknown>>;
}

const encoder = new TextEncoder();

/** Octets of UTF-8. */
function octetsOf(text: string): number {
  return encoder.encode(text).length;
}

/** Elements up to {@link LIST_CHARACTERS}, the rest counted. */
function cutList(values: readonly string[]): string[] {
  const kept: string[] = [];
  let characters = 0;
  for (const value of values) {
    characters += Math.min(value.length, VALUE_CHARACTERS) + 1;
    if (characters > LIST_CHARACTERS) return [...kept, `...(${values.length - kept.length} more)`];
    kept.push(cutText(value, VALUE_CHARACTERS));
  }
  return kept;
}

function writeValue(value: FieldValue): string {
  if (typeof value === "string") return quoteValue(cutText(value, VALUE_CHARACTERS));
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return quoteList(cutList(value));
}

/** Keys are ours, but one with an odd character must not end up as two fields. */
function writeKey(key: string): string {
  return key.replace(/[^A-Za-z0-9_.-]/g, "_").slice(0, 60) || "_";
}

/** `TIME LEVEL key=value ...` without a line end, or without time for syslog, which has its own. */
export function textLine(event: LogEvent, mostOctets: number, withTime = true): string {
  let line = withTime ? `${isoTime(event.time)} ${event.level}` : event.level;
  const room = mostOctets - 40; // for the count of what is left out
  const fields = event.fields.map(([key, value]) => ` ${writeKey(key)}=${writeValue(value)}`);
  const whole = line + fields.join("");
  if (whole.length * 3 <= room) return whole; // so many octets one character takes at most
  let octets = octetsOf(line);
  let cut = 0;
  for (const field of fields) {
    const size = octetsOf(field);
    if (octets + size > room) cut++;
    else {
      line += field;
      octets += size;
    }
  }
  return cut > 0 ? `${line} fields_cut=${cut}` : line;
}

/** One JSON object without a line end; where it is too long, its fields as far as they fit. */
export function jsonLine(event: LogEvent, mostOctets: number): string {
  const head = { time: isoTime(event.time), level: event.level };
  const whole = safeJson({ ...head, ...(event.object?.() ?? plainFields(event.fields)) });
  if (octetsOf(whole) <= mostOctets) return whole;
  let kept: readonly Field[] = event.fields;
  for (;;) {
    kept = kept.slice(0, Math.floor(kept.length * 0.75));
    const fields_cut = event.fields.length - kept.length;
    const line = safeJson({ ...head, ...plainFields(kept), fields_cut });
    if (octetsOf(line) <= mostOctets || kept.length === 0) return line;
  }
}

function plainFields(fields: readonly Field[]): Record<string, FieldValue> {
  return Object.fromEntries(fields.map(([key, value]) => {
    if (typeof value === "string") return [writeKey(key), cutText(value, VALUE_CHARACTERS)];
    return [writeKey(key), typeof value === "object" ? cutList(value) : value];
  }));
}

function isoTime(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? "-" : date.toISOString();
}

/** What somebody wants to say. */
export function plainEvent(
  level: LogLevel,
  time: number,
  message: string,
  given: Readonly<Record<string, string | number | boolean>> = {},
): LogEvent {
  const fields = Object.entries(given).map(([key, value]): Field => [
    // What says when, how bad and what cannot be said a second time.
    ["time", "level", "msg"].includes(key) ? `${key}_` : key,
    value,
  ]);
  return { level, time, fields: [["msg", message], ...fields] };
}

/** A message's one line; recipients are grouped by outcome: `to`, `action`, `by`, then `to.2`, `action.2`, ... */
export function messageEvent(record: MessageRecord): LogEvent {
  const { envelope } = record;
  const fields: Field[] = [
    ["msg", "mail"],
    ["queue", record.queueId],
    ["agent", record.agent],
    ["listener", record.listener],
  ];
  const add = (key: string, value: FieldValue | undefined) => {
    if (value !== undefined) fields.push([key, value]);
  };
  add("client", envelope.client);
  add("helo", envelope.helo);
  add("user", envelope.user);
  add("proto", envelope.protocol);
  add("direction", record.direction);
  fields.push(["from", `<${envelope.sender}>`], ["size", record.size], ["status", record.status]);
  const findings = record.findings.map(({ name, part }) => part === "" ? name : `${name}@${part}`);
  if (findings.length > 0) add("findings", findings);
  if (record.notScanned.length > 0) add("not_scanned", record.notScanned);
  const silent = record.engines?.filter(({ status }) => status === "notScanned") ?? [];
  if (silent.length > 0) {
    add("engines_failed", silent.map(({ name, reason }) => `${name}:${reason ?? "error"}`));
  }
  if (record.ambiguities.length > 0) add("ambiguities", record.ambiguities);
  add("spam_score", record.spamScore);
  for (const [i, outcome] of record.outcomes.slice(0, OUTCOMES).entries()) {
    const end = i === 0 ? "" : `.${i + 1}`;
    add(`to${end}`, outcome.recipients);
    add(`action${end}`, outcome.action);
    add(`by${end}`, outcome.by);
    add(`reply${end}`, outcome.reply);
    add(`quarantine${end}`, outcome.quarantineId);
    add(`next_hop${end}`, outcome.nextHop);
  }
  if (record.outcomes.length > OUTCOMES) {
    add("outcomes_cut", record.outcomes.length - OUTCOMES);
  }
  if (record.outcomes.length === 0) add("to", envelope.recipients);
  add("message_id", record.messageId);
  add("subject", record.subject);
  for (const [step, ms] of Object.entries(record.times)) {
    add(`${step}_ms`, Math.round(ms * 10) / 10);
  }
  return { level: "info", time: record.time, fields, object: () => messageObject(record) };
}

/** The record as JSON shows it: the same facts, lists and outcomes with their shape. */
function messageObject(record: MessageRecord): Record<string, unknown> {
  const cut = (text: string | undefined) =>
    text === undefined ? undefined : cutText(text, VALUE_CHARACTERS);
  const { envelope } = record;
  return {
    msg: "mail",
    queue: record.queueId,
    agent: record.agent,
    listener: record.listener,
    client: cut(envelope.client),
    helo: cut(envelope.helo),
    user: cut(envelope.user),
    proto: cut(envelope.protocol),
    direction: record.direction,
    from: cut(envelope.sender),
    size: record.size,
    status: record.status,
    findings: record.findings.slice(0, 100).map(({ name, part, engine }) => ({
      name: cut(name),
      part: cut(part),
      engine,
    })),
    notScanned: record.notScanned,
    engines: record.engines,
    ambiguities: record.ambiguities,
    spamScore: record.spamScore,
    outcomes: record.outcomes.slice(0, OUTCOMES).map((outcome) => ({
      to: cutList(outcome.recipients),
      action: outcome.action,
      by: outcome.by,
      reply: cut(outcome.reply),
      quarantine: outcome.quarantineId,
      nextHop: outcome.nextHop,
    })),
    ...(record.outcomes.length > OUTCOMES
      ? { outcomesCut: record.outcomes.length - OUTCOMES }
      : {}),
    messageId: cut(record.messageId),
    subject: cut(record.subject),
    ms: record.times,
  };
}

/** For people on a terminal: the text with unsafe characters written out, no longer than a value. */
export function shownText(text: string): string {
  return escapeText(cutText(text, VALUE_CHARACTERS));
}
