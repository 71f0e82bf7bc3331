# ketameta: Random-effects model, tau2 by ML, inverse-variance weights; 20% Wald interval (normal); prediction interval by the normal distribution; intervals of tau2, I2 and H2 by Q-profile
# Data: ketameta VERSION; user data; 9 rows, SHA-256 a7cca394a349

suppressMessages(library(metafor))

d <- data.frame(
  label = c("a \"b\" \\ \u000a # 50% $x \u00e9 \u0142 \U0001f600 \ufffd `rm(d)` ')", "Feder 2014",
    "Murrough\u00092013", "\u00dcnal 2020", "",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "F", "G", "H"),
  yi = c(-0.00011000000000000002, -3.5e-05, -6.2e-05, -1.8e-05, -8e-05, -4.1e-05, 1.2e-05,
    -9.300000000000001e-05, -5.500000000000001e-05),
  vi = c(9e-10, 5e-10, 4e-10, 7.000000000000001e-10, 1.1000000000000001e-09, 3e-10, 6e-10, 8e-10, 4.5e-10),
  stringsAsFactors = FALSE
)

fit <- rma(yi, vi, data = d, slab = label, method = "ML", test = "z", level = 20, control = list(threshold = 1e-13 * (mean(d$vi) + var(d$yi)), maxiter = 100000))
spread <- confint(fit, level = 20, control = list(tol = 3e-23, tau2.max = 100, maxiter = 100000))$random["tau^2", c("ci.lb", "ci.ub")]
new <- predict(fit, level = 20)
print(fit)

found <- c(
  "estimate" = fit$beta[[1]],
  "ci_low" = fit$ci.lb,
  "ci_high" = fit$ci.ub,
  "p" = fit$pval,
  "se" = fit$se,
  "q" = fit$QE,
  "q_p" = fit$QEp,
  "tau2" = fit$tau2,
  "i2" = fit$I2,
  "h2" = fit$H2,
  "tau2_low" = spread[[1]],
  "tau2_high" = spread[[2]],
  "pi_low" = new$pi.lb,
  "pi_high" = new$pi.ub
)

# What ketameta found, with all digits.
ketameta <- c(
  "estimate" = -5.0273549011552486e-05,
  "ci_low" = -5.293790040308643e-05,
  "ci_high" = -4.760919762001854e-05,
  "p" = 1.749491750573086e-06,
  "se" = 1.0516604920900916e-05,
  "q" = 16.109546459231925,
  "q_p" = 0.04083873563372872,
  "tau2" = 4.106374611264704e-10,
  "i2" = 42.33943556948858,
  "h2" = 1.7342875670340199,
  "tau2_low" = 6.551793490159335e-10,
  "tau2_high" = 1.068674119834726e-09,
  "pi_low" = -5.6057616182425846e-05,
  "pi_high" = -4.4489481840679126e-05
)

# Differences count in proportion to the number, or to its usual size where the number is smaller.
size <- c(1.05e-05, 1.05e-05, 1.05e-05, 1, 0, 1, 1, 6.39e-10, 1, 1, 6.39e-10, 6.39e-10, 1.05e-05, 1.05e-05)
cat(sprintf("%s %.17g %.17g\n", names(found), found, ketameta), sep = "")
same <- abs(found - ketameta) <= 1e-06 * pmax(abs(ketameta), size)
stopifnot("R and ketameta differ" = isTRUE(all(same)))
