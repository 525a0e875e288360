/** A mail's facts in a line, for people: who to whom, and what is particular about it. */
import { ORDINARY_MAIL } from "../../policy/solve/ordinary_mail.ts";
import type { AttachmentFact, Facts } from "../../policy/types.ts";
import { showSize, showSpan } from "../output.ts";

/** Facts that the first words tell already. */
const TOLD: ReadonlySet<string> = new Set(["sender", "recipient", "client"]);
/** Longest value that is shown, characters. */
const MAX_CHARACTERS = 80;

/** `from <a@b.example> to <c@d.example>, client 192.0.2.1; subject "offer", spamScore 7`. */
export function mailWords(facts: Facts): string {
  const { sender, recipient, client } = facts;
  const from = client === null ? "no client" : `client ${client ?? "unknown"}`;
  const particular = Object.entries(facts).filter(([name, value]) =>
    !TOLD.has(name) && value !== undefined &&
    JSON.stringify(value) !== JSON.stringify(ORDINARY_MAIL[name as keyof Facts])
  ).map(([name, value]) => `${name} ${valueWords(name, value)}`);
  const rest = particular.length === 0 ? "" : `; ${particular.join(", ")}`;
  return `from <${sender ?? ""}> to <${recipient ?? ""}>, ${from}${rest}`;
}

function valueWords(name: string, value: unknown): string {
  if (value === null) return "none";
  if (typeof value === "number") {
    if (name === "time") return new Date(value).toISOString();
    if (name === "size") return showSize(value);
    if (name === "signaturesAge") return showSpan(value);
    return String(value);
  }
  if (name === "attachments") return (value as AttachmentFact[]).map(attachmentWords).join(" and ");
  if (name === "headers") {
    const fields = value as readonly { name: string; value: string }[];
    return fields.map((field) => short(`${field.name}: ${field.value}`)).join(" and ") || "none";
  }
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(String).join(" and ");
  return typeof value === "string" ? short(value) : String(value);
}

function attachmentWords({ names, type, encrypted, macro }: AttachmentFact): string {
  const traits = [encrypted ? "encrypted" : "", macro ? "with macros" : ""].filter(Boolean);
  const name = names[0] === undefined ? [] : [short(names[0])];
  return [...name, `(${type})`, ...traits].join(" ");
}

function short(text: string): string {
  return JSON.stringify(
    text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}...` : text,
  );
}
