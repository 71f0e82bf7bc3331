# ketameta: Common-effect model, inverse-variance weights; 95% Wald interval (normal)
# Ratios stand as natural logs.
# Data: ketameta VERSION; user data; 9 rows, SHA-256 1fd48aa4b2f2

suppressMessages(library(metafor))

d <- data.frame(
  label = c("a \"b\" \\ \u000a # 50% $x \u00e9 \u0142 \U0001f600 \ufffd `rm(d)` ')", "Feder 2014",
    "Murrough\u00092013", "\u00dcnal 2020", "",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "F", "G", "H"),
  yi = c(-1.1, -0.35, -0.62, -0.18, -0.8, -0.41, 0.12, -0.93, -0.55),
  vi = c(0.09, 0.05, 0.04, 0.07, 0.11, 0.03, 0.06, 0.08, 0.045),
  stringsAsFactors = FALSE
)

fit <- rma(yi, vi, data = d, slab = label, method = "EE", test = "z", level = 95)
print(fit)

found <- c(
  "estimate" = fit$beta[[1]],
  "ci_low" = fit$ci.lb,
  "ci_high" = fit$ci.ub,
  "p" = fit$pval,
  "se" = fit$se,
  "q" = fit$QE,
  "q_p" = fit$QEp
)

# What ketameta found, with all digits.
ketameta <- c(
  "estimate" = -0.4876699839627408,
  "ci_low" = -0.6406195847309321,
  "ci_high" = -0.33472038319454955,
  "p" = 4.1250924517078493e-10,
  "se" = 0.07803694454318456,
  "q" = 16.109546459231925,
  "q_p" = 0.04083873563372872
)

# Differences count in proportion to the number, or to its usual size where the number is smaller.
size <- c(0.078, 0.078, 0.078, 1, 0, 1, 1)
cat(sprintf("%s %.17g %.17g\n", names(found), found, ketameta), sep = "")
same <- abs(found - ketameta) <= 1e-06 * pmax(abs(ketameta), size)
stopifnot("R and ketameta differ" = isTRUE(all(same)))
