import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./ui/App";
import { NotConfigured } from "./ui/entry/NotConfigured";
import { ConfigError, loadConfig, type Config } from "./client/config";
import { Api } from "./client/api";
import { Links } from "./client/link";
import { arrive } from "./client/signIn";
import "./features";
import { applyTheme, loadTheme } from "./ui/theme";
import "./ui/theme.css";

// First: the secret is to leave the address at once.
const links = new Links();
applyTheme(loadTheme());

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
const config = await loadConfig().catch((error: unknown) => {
  if (error instanceof ConfigError) return error;
  throw error;
});
createRoot(root).render(
  <StrictMode>
    {config instanceof ConfigError ? <NotConfigured what={config.message} /> : appOf(config)}
  </StrictMode>,
);

function appOf(config: Config) {
  const api = new Api(config.api);
  return <App api={api} config={config} arriving={arrive(config.cognito, api)} links={links} />;
}
