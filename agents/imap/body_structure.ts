/** BODYSTRUCTURE and BODY of a message that the gate has changed: RFC 9051, section 7.5.2. */
import { envelopeOf, nstring } from "./envelope.ts";
import { fieldValue, parseParameterised, type Part } from "./mime_tree.ts";
import { imapString } from "./pieces.ts";

/** @param extended BODYSTRUCTURE; else BODY, which has no extension data. */
export function bodyStructure(message: Uint8Array, part: Part, extended: boolean): string {
  const value = (name: string) => fieldValue(message, part, name);
  if (part.type === "MULTIPART") {
    const parts = part.parts.map((each) => bodyStructure(message, each, extended)).join("");
    const more = extended
      ? ` ${parameterList(part.parameters)} ${disposition(value("content-disposition"))} ${
        language(value("content-language"))
      } ${nstring(value("content-location"))}`
      : "";
    return `(${parts} ${imapString(part.subtype.toLowerCase())}${more})`;
  }
  const encoding = value("content-transfer-encoding")?.replace(/\([^()]*\)/g, "").trim() || "7bit";
  const fields = [
    imapString(part.type.toLowerCase()),
    imapString(part.subtype.toLowerCase()),
    parameterList(withCharset(part)),
    nstring(value("content-id")),
    nstring(value("content-description")),
    imapString(encoding.toLowerCase()),
    String(part.end - part.body),
  ];
  if (part.message) {
    fields.push(
      envelopeOf(message, part.message),
      bodyStructure(message, part.message, extended),
      lines(message, part),
    );
  } else if (part.type === "TEXT") fields.push(lines(message, part));
  if (extended) {
    fields.push(
      nstring(value("content-md5")),
      disposition(value("content-disposition")),
      language(value("content-language")),
      nstring(value("content-location")),
    );
  }
  return `(${fields.join(" ")})`;
}

/** A text has a charset, said or not: RFC 2045, section 5.2. */
function withCharset({ type, parameters }: Part): Part["parameters"] {
  const said = type !== "TEXT" || parameters.some(([name]) => name.toLowerCase() === "charset");
  return said ? parameters : [...parameters, ["charset", "us-ascii"]];
}

function lines(message: Uint8Array, { body, end }: Part): string {
  let count = 0;
  for (
    let at = message.indexOf(10, body);
    at !== -1 && at < end;
    at = message.indexOf(10, at + 1)
  ) {
    count++;
  }
  return String(count);
}

function parameterList(parameters: readonly (readonly [string, string])[]): string {
  if (parameters.length === 0) return "NIL";
  return `(${
    parameters.map(([name, value]) => `${imapString(name)} ${imapString(value)}`).join(" ")
  })`;
}

function disposition(text: string | undefined): string {
  if (text === undefined) return "NIL";
  const { value, parameters } = parseParameterised(text);
  return value === "" ? "NIL" : `(${imapString(value.toLowerCase())} ${parameterList(parameters)})`;
}

function language(text: string | undefined): string {
  const tags = text?.split(",").map((each) => each.trim()).filter((each) => each !== "") ?? [];
  return tags.length === 0 ? "NIL" : `(${tags.map(imapString).join(" ")})`;
}
