#!/usr/bin/env bash
# Deploys infra/main.bicep: looks for what is missing before anything is touched, shows what would change, and does it.
#
#   infra/deploy.sh ENVIRONMENT RESOURCE_GROUP [what-if]
#
# ENVIRONMENT is the name of a file in infra/environments. With "what-if" nothing is deployed, and rights to read are enough.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=$1 group=$2 only=${3:-}
parameters="infra/environments/$environment.bicepparam"
problems=()

# Values that a parameter file reads from the environment, and that have no default.
while read -r name; do
  [[ -n ${!name:-} ]] ||
    problems+=("$name: not set, and $parameters reads it. Set it by hand as infra/README.md says (steps 1 and 2), for workflows by its step 6.")
done < <(grep -oE "readEnvironmentVariable\('[A-Z_]+'\)" "$parameters" | cut -d"'" -f2)

prefix=${OIDC_SUBJECT_PREFIX:-}
if [[ -n $prefix && ! $prefix =~ ^repo:[^/:[:space:]]+/[^/:[:space:]]+$ ]]; then
  problems+=("OIDC_SUBJECT_PREFIX: is '$prefix', which is not repo:OWNER/NAME or repo:OWNER@ID/NAME@ID. infra/README.md, step 1, reads it from GitHub.")
fi
if [[ -n ${PIPELINE_APPLICATION_SECRET:-} && -z ${PIPELINE_APPLICATION_SECRET_ENDS:-} ]]; then
  problems+=("PIPELINE_APPLICATION_SECRET_ENDS: not set; the vault is to tell when the client secret ends (infra/README.md, step 2).")
fi

# A secret that is not given must be in the vault already. Its value is not asked for.
missing_secret() {
  local vault=$1 secret=$2 answer
  [[ -n $vault ]] || return 0
  if answer=$(az keyvault secret show --vault-name "$vault" --name "$secret" --query id --output tsv 2>&1); then return 1; fi
  [[ $answer == *SecretNotFound* ]] && return 0
  echo "::error::vault $vault: cannot be asked for $secret: $answer" >&2
  exit 1
}
if [[ $only != what-if ]]; then
  vault=$(az keyvault list --resource-group "$group" --query "[?starts_with(name, 'kv-ingestion-')].name | [0]" --output tsv)
  if [[ -z ${RESTCOUNTRIES_API_KEY:-} ]] && missing_secret "$vault" restcountries-api-key; then
    problems+=("RESTCOUNTRIES_API_KEY: not set, and no vault of $group holds restcountries-api-key: the country API answers no one without a key. Get one (infra/README.md, step 1), and deploy once with it.")
  fi
  if grep -qE "^param managedIdentities = false" "$parameters" && [[ -z ${PIPELINE_APPLICATION_SECRET:-} ]] && missing_secret "$vault" sql-password; then
    problems+=("PIPELINE_APPLICATION_SECRET: not set, and no vault of $group holds sql-password; without managed identities the pipelines sign in with it (infra/README.md, step 2).")
  fi
fi

if ((${#problems[@]})); then
  printf '::error::%s\n' "${problems[@]}" >&2
  echo "Nothing was deployed." >&2
  exit 1
fi

# Studio's Git integration stays as Studio left it: a deployment hands back what it finds.
factory=$(az resource list --resource-group "$group" --resource-type Microsoft.DataFactory/factories --query "[0].id" --output tsv)
if [[ -n $factory ]]; then
  found=$(az resource show --ids "$factory" --query properties.repoConfiguration --output json)
  [[ -z $found || $found == null ]] || export STUDIO_CONFIGURATION=$found
fi

template=(--name main --resource-group "$group" --template-file infra/main.bicep --parameters "$parameters")
if [[ $only == what-if ]]; then
  az deployment group what-if "${template[@]}" --validation-level ProviderNoRbac
else
  az deployment group what-if "${template[@]}"
  az deployment group create "${template[@]}" --output none
fi
