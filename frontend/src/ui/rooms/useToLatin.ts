import { useEffect, useState } from "react";

type ToLatin = (text: string) => string;

/** Latin letters for those of other scripts, once the table of them is loaded. Without it, or for
 * a script that it does not have, a text stays as it is. */
export function useToLatin(): ToLatin {
  const [toLatin, setToLatin] = useState<ToLatin>(() => asItIs);
  useEffect(() => {
    let gone = false;
    import("@sindresorhus/transliterate")
      .then(({ default: transliterate }) => {
        if (!gone) setToLatin(() => (text: string) => transliterate(text));
      })
      .catch(() => undefined);
    return () => {
      gone = true;
    };
  }, []);
  return toLatin;
}

function asItIs(text: string): string {
  return text;
}
