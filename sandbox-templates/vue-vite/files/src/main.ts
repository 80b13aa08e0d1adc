import { createPinia } from "pinia";
import { createApp, h } from "vue";

import App from "./App.vue";
import ErrorBoundary from "./components/ErrorBoundary.vue";
import { router } from "./router";
import "./composables/theme"; // follows the system, whether the app has a switch or not
import "./style.css";
import "./touch.css";

createApp({ render: () => h(ErrorBoundary, null, { default: () => h(App) }) })
  .use(createPinia())
  .use(router)
  .mount("#app");
