import { createRouter, createWebHistory } from "vue-router";

import HomeView from "./views/HomeView.vue";

export const router = createRouter({
  // The app may be served below a path.
  history: createWebHistory(import.meta.env.BASE_URL),
  routes: [
    { path: "/", name: "home", component: HomeView },
    { path: "/:path(.*)*", redirect: "/" },
  ],
});
