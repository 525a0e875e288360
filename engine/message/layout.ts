/** Where things stand in a message, so that marks are spliced in without parsing again. */
import type { MessageLayout, OctetRange } from "../types.ts";
import { fieldText, type HeaderReading } from "./headers.ts";
import { MAX_REPORTED } from "./limits.ts";
import type { Source } from "./source.ts";
import { decodeWords, tidyText } from "./words.ts";

/** Layout of a message whose header was read (with Subject and `X-Postern-*` fields kept). */
export function layoutOf(source: Source, header: HeaderReading): MessageLayout {
  const ownFields: OctetRange[] = [];
  let subject: MessageLayout["subject"];
  let past = 0;
  for (const field of header.fields.toSorted((a, b) => a.start - b.start)) {
    if (field.end > header.headerEnd) continue; // only in a reading that goes beyond the standard one
    if (field.name.startsWith("x-postern-")) {
      if (field.start < past) continue;
      // A field that only begins behind a bare CR leaves its line end to the line that holds it.
      const whole = field.start === 0 || source.octets[field.start - 1] === 10;
      const end = whole ? field.end : field.valueEnd;
      if (end > field.start) ownFields.push({ start: field.start, end });
      past = Math.max(past, end);
    } else if (field.name === "subject" && subject === undefined) {
      const value = tidyText(decodeWords(fieldText(source, field)), MAX_REPORTED);
      subject = { start: field.start, end: field.end, value };
    }
  }
  return {
    headerEnd: header.headerEnd,
    lineEnd: headerLineEnd(source, header.headerEnd),
    ownFields,
    ...(subject === undefined ? {} : { subject }),
  };
}

/** The line end of the first line; CRLF if there is none. */
function headerLineEnd(source: Source, headerEnd: number): "\r\n" | "\n" {
  const lf = source.octets.indexOf(10);
  if (lf < 0 || lf >= Math.max(headerEnd, 2)) return lf === 0 ? "\n" : "\r\n";
  return lf > 0 && source.octets[lf - 1] === 13 ? "\r\n" : "\n";
}
