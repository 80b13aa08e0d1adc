import { createRouter, createWebHashHistory } from "vue-router";

import HomeView from "./views/HomeView.vue";

export const router = createRouter({
  // Behind the #, so that a build runs below any path of any server.
  history: createWebHashHistory(),
  routes: [
    { path: "/", name: "home", component: HomeView },
    { path: "/:path(.*)*", redirect: "/" },
  ],
});
