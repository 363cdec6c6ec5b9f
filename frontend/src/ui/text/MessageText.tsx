import { memo } from "react";
import { isEmojiOnly, tokenize, type Token } from "./format";

export const MessageText = memo(function MessageText({ text }: { text: string }) {
  if (isEmojiOnly(text)) return <span className="text-3xl leading-10">{text}</span>;
  return tokenize(text).map((token, index) => <Piece key={index} token={token} />);
});

function Piece({ token }: { token: Token }) {
  switch (token.type) {
    case "text":
      return token.text;
    case "code":
      return (
        <code className="rounded-[5px] border border-line bg-sunken px-1 py-px font-mono text-[0.86em]">
          {token.text}
        </code>
      );
    case "block":
      return (
        <code className="my-1 block overflow-x-auto rounded-lg border border-line bg-sunken px-3 py-2 font-mono text-[0.86em] leading-5 whitespace-pre max-md:whitespace-pre-wrap">
          {token.text}
        </code>
      );
    case "link":
      return (
        <a
          href={token.href}
          target="_blank"
          rel="noopener noreferrer nofollow"
          className="text-accent underline decoration-accent/40 underline-offset-2 hover:decoration-accent"
        >
          {token.text}
        </a>
      );
  }
}
