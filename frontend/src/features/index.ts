/** Loads all features: each folder's `index.tsx` registers itself. */
import.meta.glob("./*/index.tsx", { eager: true });
