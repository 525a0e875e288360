/** The short text part that stands where something was taken out. */
import { Buffer } from "node:buffer";
import { tidyText } from "../message/words.ts";
import { quoteText } from "./quote.ts";

/** The notice as lines that no reader can take for structure: no delimiter, no begin line. */
export function noticeLines(notice: string): string[] {
  const lines = notice.split(/\r\n|\r|\n/)
    .map((line) => tidyText(line, 900))
    .map((line) => line !== "" && /^[^\p{L}\p{N}]|^begin|^from /iu.test(line) ? `| ${line}` : line);
  while (lines.at(-1) === "") lines.pop();
  return lines;
}

/** Content-* fields, empty line, and the notice, for a part or a message of its own; line end at its end. */
export function noticeEntity(notice: string, lineEnd: string): Uint8Array {
  const lines = noticeLines(notice);
  const plain = lines.every((line) => /^[\x20-\x7e]{0,76}$/.test(line));
  const fields = [
    "Content-Type: text/plain; charset=utf-8",
    `Content-Transfer-Encoding: ${plain ? "7bit" : "quoted-printable"}`,
    "Content-Disposition: inline",
    "",
  ];
  const text = plain
    ? lines.join(lineEnd)
    : quoteText(new TextEncoder().encode(lines.join("\n")), lineEnd);
  return new Uint8Array(Buffer.from(`${fields.join(lineEnd)}${lineEnd}${text}${lineEnd}`, "utf8"));
}
